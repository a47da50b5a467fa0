# Everything the lab's guest serves, in one process around one select() loop:
#   HTTP 80 (/, /status, /journal), TCP echo 7, UDP echo 7, TCP ticker 13, control 9,
#   TCP sink 5001, UDP counters 5002.
# Two things run in processes of their own, so that neither a slow disk nor the load delays an answer:
# the journal (a numbered line with fsync every 200 ms) and the load (memory rewritten at a given rate).
# Only modules of Debian's perl-base are used. Ends with status 0 when the power button was pressed.
use strict;
use warnings;
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK O_RDONLY O_WRONLY O_CREAT O_APPEND);
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY);
use POSIX qw(:sys_wait_h _exit);
require '/godwit/workers.pl';

my ($name, $disk) = @ARGV;
my $MEBIBYTE = 1024 * 1024;
my $TICK_SECONDS = 0.1;
my $OUTPUT_MAX_BYTES = 65536;
my $SINK_REPORT_SECONDS = 0.02;
my $COUNTER_MAX = 10_000_000;
my $COUNTER_STREAMS_MAX = 16;

my $boot = substr(read_line('/proc/sys/kernel/random/boot_id'), 0, 8);
my %connections;    # by file descriptor
my %workers;        # by kind: { pid, report: file handle, latest: { ... } }
my %streams;        # of the UDP counters, by the number that the client chose
my $requests = 0;
my $sunk_bytes = 0;

$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = 'IGNORE';

my %listeners;
listen_tcp(80, \&serve_http);
listen_tcp(7, undef);    # A process of its own for each connection: see echo_in_child.
listen_tcp(13, \&serve_nothing, sub { $_[0]{tick} = 0; $_[0]{tick_due} = now() });
listen_tcp(9, \&serve_control);
listen_tcp(5001, \&serve_sink, sub { $_[0]{received} = 0; $_[0]{report_due} = 0 });
my $udp = bound_socket(SOCK_DGRAM, 7);
my $counters = bound_socket(SOCK_DGRAM, 5002);
# A guest that is slow for half a second, as one is that has just moved under TCG, must not lose what it was sent. SO_RCVBUFFORCE is 33.
setsockopt($_, SOL_SOCKET, 33, pack('i', 4 * 1024 * 1024)) for $udp, $counters;
my @buttons = power_buttons();
start_journal() if $disk;

open(my $console, '>', '/dev/console') or die "console: $!";
syswrite($console, "godwit-guest ready\n");
serve();

sub serve {
    while (1) {
        my $readable = '';
        my $writable = '';
        vec($readable, $_, 1) = 1 for keys %listeners, fileno($udp), fileno($counters), map { fileno($_) } @buttons;
        vec($readable, fileno($_->{report}), 1) = 1 for values %workers;
        my $next = now() + 1;
        for my $fd (keys %connections) {
            my $connection = $connections{$fd};
            vec($readable, $fd, 1) = 1 if length($connection->{out}) < $OUTPUT_MAX_BYTES;
            vec($writable, $fd, 1) = 1 if length($connection->{out});
            $next = $connection->{tick_due} if defined $connection->{tick_due} && $connection->{tick_due} < $next;
        }
        my $wait = $next - now();
        my $count = select($readable, $writable, undef, $wait > 0 ? $wait : 0);
        tick();
        next if $count <= 0;
        for my $fd (keys %listeners) { accept_connection($fd) if vec($readable, $fd, 1) }
        echo_datagram() if vec($readable, fileno($udp), 1);
        answer_counters() if vec($readable, fileno($counters), 1);
        for my $fd (keys %connections) {
            receive($fd) if vec($readable, $fd, 1);
            flush_output($fd) if exists $connections{$fd} && vec($writable, $fd, 1);
        }
        for my $kind (keys %workers) { read_report($kind) if vec($readable, fileno($workers{$kind}{report}), 1) }
        for my $button (@buttons) { return shut_down() if vec($readable, fileno($button), 1) && pressed($button) }
    }
}

# ---- sockets

sub bound_socket {
    my ($type, $port) = @_;
    socket(my $socket, PF_INET, $type, 0) or die "socket: $!";
    setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($socket, pack_sockaddr_in($port, INADDR_ANY)) or die "bind $port: $!";
    unblock($socket);
    return $socket;
}

sub listen_tcp {
    my ($port, $on_input, $on_open) = @_;
    my $socket = bound_socket(SOCK_STREAM, $port);
    listen($socket, 128) or die "listen $port: $!";
    $listeners{fileno($socket)} = { socket => $socket, on_input => $on_input, on_open => $on_open };
}

sub unblock {
    my ($handle) = @_;
    fcntl($handle, F_SETFL, fcntl($handle, F_GETFL, 0) | O_NONBLOCK);
}

sub accept_connection {
    my $listener = $listeners{$_[0]};
    while (accept(my $socket, $listener->{socket})) {
        unblock($socket) if $listener->{on_input};
        # Small answers at once; a server that people ping-pong with would do the same.
        setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1);
        if (!$listener->{on_input}) { echo_in_child($socket); next }
        my $connection = { socket => $socket, in => '', out => '', on_input => $listener->{on_input} };
        $connections{fileno($socket)} = $connection;
        $listener->{on_open}->($connection) if $listener->{on_open};
    }
}

sub receive {
    my ($fd) = @_;
    my $connection = $connections{$fd};
    my $count = sysread($connection->{socket}, $connection->{in}, 65536, length $connection->{in});
    if (!defined $count) { drop($fd) unless $!{EAGAIN} || $!{EINTR}; return }
    if ($count == 0) { drop($fd); return }
    $connection->{on_input}->($connection);
    flush_output($fd);
}

sub flush_output {
    my ($fd) = @_;
    my $connection = $connections{$fd};
    if (length $connection->{out}) {
        my $count = syswrite($connection->{socket}, $connection->{out});
        if (!defined $count) { drop($fd) unless $!{EAGAIN} || $!{EINTR}; return }
        substr($connection->{out}, 0, $count, '');
    }
    drop($fd) if $connection->{ends} && !length $connection->{out};
}

sub drop {
    my $connection = delete $connections{$_[0]};
    close($connection->{socket});
}

# ---- services

sub serve_nothing { $_[0]{in} = '' }

# `cat`, because a guest under TCG that has just moved translates all code anew: for two system calls that is quick.
sub echo_in_child {
    my ($socket) = @_;
    my $pid = fork() // return;
    if ($pid == 0) {
        if ((fork() // 0) == 0) {
            $SIG{TERM} = $SIG{PIPE} = 'DEFAULT';
            POSIX::dup2(fileno($socket), $_) for 0, 1;
            exec('/bin/busybox', 'cat') or _exit(1);
        }
        _exit(0);
    }
    waitpid($pid, 0);
    close($socket);
}

sub echo_datagram {
    while (defined(my $from = recv($udp, my $data, 65536, 0))) { send($udp, $data, 0, $from) }
}

# Discards what comes, and says now and then how many bytes it has had, so that the sender knows what arrived here.
sub serve_sink {
    my ($connection) = @_;
    my $count = length $connection->{in};
    $connection->{in} = '';
    $connection->{received} += $count;
    $sunk_bytes += $count;
    my $time = now();
    return if $time < $connection->{report_due};
    $connection->{report_due} = $time + $SINK_REPORT_SECONDS;
    $connection->{out} .= "$connection->{received}\n";
}

# A stream of numbers each way. In: the stream, the client's number (from 1). Out: the stream, the guest's own next
# number, the client's, and of the client's so far: how many different ones, how many twice, how many after a later one.
# All are 32-bit numbers, the highest byte first.
sub answer_counters {
    while (defined(my $from = recv($counters, my $data, 2048, 0))) {
        next if length $data < 8;
        my ($id, $number) = unpack('N N', $data);
        next if $number < 1 || $number > $COUNTER_MAX;
        %streams = () if !exists $streams{$id} && keys %streams >= $COUNTER_STREAMS_MAX;
        my $stream = $streams{$id} //= { seen => '', sent => 0, received => 0, duplicates => 0, late => 0, highest => 0 };
        if (vec($stream->{seen}, $number, 1)) { $stream->{duplicates}++ }
        else {
            vec($stream->{seen}, $number, 1) = 1;
            $stream->{received}++;
            if ($number < $stream->{highest}) { $stream->{late}++ } else { $stream->{highest} = $number }
        }
        $stream->{sent}++;
        send($counters, pack('N6', $id, $stream->{sent}, $number, @$stream{qw(received duplicates late)}), 0, $from);
    }
}

sub tick {
    my $time = now();
    for my $fd (keys %connections) {
        my $connection = $connections{$fd};
        next unless defined $connection->{tick_due} && $connection->{tick_due} <= $time;
        if (length $connection->{out} < $OUTPUT_MAX_BYTES) {
            $connection->{tick}++;
            $connection->{out} .= "$connection->{tick}\n";
        }
        $connection->{tick_due} += $TICK_SECONDS;
        # No burst of lines for the time in which nothing ran.
        $connection->{tick_due} = $time + $TICK_SECONDS if $connection->{tick_due} < $time;
        flush_output($fd);
    }
}

sub serve_http {
    my ($connection) = @_;
    while ($connection->{in} =~ s/\A(.*?)\r?\n\r?\n//s) {
        my $head = $1;
        $requests++;
        my ($path) = $head =~ m{\A[A-Z]+ ([^ ?]*)};
        my ($status, $type, $body) = http_answer($path // '');
        my $ends = $head =~ m{^Connection:\s*close}mi || $head =~ m{\A\S+ \S+ HTTP/1\.0};
        $connection->{out} .= "HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: " . length($body)
            . "\r\nConnection: " . ($ends ? 'close' : 'keep-alive') . "\r\n\r\n" . ($head =~ /\AHEAD / ? '' : $body);
        if ($ends) { $connection->{ends} = 1; return }
    }
    $connection->{ends} = 1 if length $connection->{in} > 16384;
}

sub http_answer {
    my ($path) = @_;
    return ('200 OK', 'application/json', status() . "\n") if $path eq '/status';
    return ('200 OK', 'text/plain', journal_tail()) if $path eq '/journal';
    return ('404 Not Found', 'text/plain', "No such page.\n") if $path ne '/';
    my $uptime = uptime();
    return ('200 OK', 'text/html; charset=utf-8', <<"PAGE");
<!doctype html>
<title>$name</title>
<h1>$name</h1>
<p>Up for $uptime s, request number $requests.</p>
PAGE
}

sub serve_control {
    my ($connection) = @_;
    while ($connection->{in} =~ s/\A([^\n]*)\n//) {
        my @words = split ' ', $1;
        next unless @words;
        my $answer = eval { control($connection, @words) };
        $connection->{out} .= defined $answer ? "$answer\n" : "error: " . ($@ || 'failed') if $@ || defined $answer;
    }
    $connection->{ends} = 1 if length $connection->{in} > 4096;
}

sub control {
    my ($connection, $verb, @words) = @_;
    if ($verb eq 'status') { return status() }
    if ($verb eq 'journal') { return check_journal($connection) }
    if ($verb eq 'load' && ($words[0] // '') eq 'stop') { stop_worker('load'); return 'ok' }
    if ($verb eq 'load' && ($words[0] // '') eq 'start') {
        my ($size, $rate) = (positive($words[1]), positive($words[2]));
        stop_worker('load');
        start_worker('load', sub { run_load($_[0], $size * $MEBIBYTE, $rate * $MEBIBYTE) });
        $workers{load}{latest} = { sizeBytes => $size * $MEBIBYTE, wantedBytesPerSecond => $rate * $MEBIBYTE };
        return 'ok';
    }
    if ($verb eq 'fill' && ($words[1] // '') =~ /\A(random|text)\z/) {
        my ($size, $kind) = (positive($words[0]), $words[1]);
        stop_worker('fill');
        start_worker('fill', sub { run_fill($_[0], $size * $MEBIBYTE, $kind) });
        return 'ok';
    }
    if ($verb eq 'fill' && ($words[0] // '') eq '0') { stop_worker('fill'); return 'ok' }
    die "the commands are: status | journal | load start MIB MIB_PER_SECOND | load stop | fill MIB random|text | fill 0\n";
}

sub positive {
    my ($text) = @_;
    die "expected a number above 0\n" unless defined $text && $text =~ /\A\d{1,7}(\.\d+)?\z/ && $text > 0;
    return $text;
}

sub status {
    my %latest = map { $_ => $workers{$_}{latest} } keys %workers;
    return to_json({
        name => "$name", boot => "$boot", uptimeSeconds => uptime(), requests => $requests,
        connections => scalar(keys %connections), sunkBytes => $sunk_bytes,
        journal => $latest{journal}, load => $latest{load}, fill => $latest{fill},
    });
}

sub to_json {
    my ($value) = @_;
    return 'null' unless defined $value;
    return '{' . join(',', map { "\"$_\":" . to_json($value->{$_}) } sort keys %$value) . '}' if ref $value;
    return $value if $value =~ /\A-?(0|[1-9]\d*)(\.\d+)?\z/ && $value ne $boot && $value ne $name;
    $value =~ s/(["\\])/\\$1/g;
    return "\"$value\"";
}

# ---- workers: processes that report lines "key=value ..." through a pipe

sub start_worker {
    my ($kind, $run) = @_;
    pipe(my $report, my $write) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        $SIG{TERM} = 'DEFAULT';
        close($_->{socket}) for values %connections, values %listeners;
        close($_) for $udp, $counters;
        select((select($write), $| = 1)[0]);
        eval { $run->($write) };
        print STDERR "godwit-guest: $kind: $@" if $@;
        _exit(1);
    }
    close($write);
    unblock($report);
    $workers{$kind} = { pid => $pid, report => $report, latest => {}, in => '' };
}

sub stop_worker {
    my $worker = delete $workers{$_[0]} or return;
    kill('KILL', $worker->{pid});
    waitpid($worker->{pid}, 0);
    close($worker->{report});
}

sub read_report {
    my ($kind) = @_;
    my $worker = $workers{$kind};
    my $count = sysread($worker->{report}, $worker->{in}, 65536, length $worker->{in});
    if (defined $count && $count == 0) {
        # Died (most likely for want of memory): forgotten, so that the status shows it.
        stop_worker($kind);
        start_journal() if $kind eq 'journal';
        return;
    }
    while ($worker->{in} =~ s/\A([^\n]*)\n//) {
        my $line = $1;
        $worker->{latest}{$1} = $2 while $line =~ /(\w+)=(\S+)/g;
    }
}

sub start_journal { start_worker('journal', sub { run_journal($_[0], "$disk/journal.txt", $boot) }) }

sub journal_tail {
    return '' unless $disk && open(my $file, '<', "$disk/journal.txt");
    my $size = -s $file;
    seek($file, $size > 16384 ? $size - 16384 : 0, 0);
    local $/;
    return <$file> // '';
}

# The answer comes from a child, straight into the connection: reading a long file must not hold up the others.
sub check_journal {
    my ($connection) = @_;
    die "there is no disk\n" unless $disk;
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        if ((fork() // 0) == 0) {
            fcntl($connection->{socket}, F_SETFL, 0);
            syswrite($connection->{socket}, to_json(journal_facts("$disk/journal.txt")) . "\n");
        }
        _exit(0);
    }
    waitpid($pid, 0);
    return undef;
}

# ---- power button

sub power_buttons {
    my @handles;
    for my $path (glob '/dev/input/event*') {
        push @handles, $_ for grep { defined } open_button($path);
    }
    return @handles;
}

sub open_button {
    my ($path) = @_;
    sysopen(my $handle, $path, O_RDONLY | O_NONBLOCK) or return undef;
    return $handle;
}

# struct input_event: two 64-bit times, type, code, value. EV_KEY is 1, KEY_POWER 116.
sub pressed {
    my ($handle) = @_;
    my $found = 0;
    while (my $count = sysread($handle, my $event, 24)) {
        last if $count < 24;
        my ($type, $code, $value) = (unpack('q q S S l', $event))[2 .. 4];
        $found = 1 if $type == 1 && $code == 116 && $value == 1;
    }
    return $found;
}

sub shut_down {
    stop_worker($_) for keys %workers;
    exit 0;
}
