# What the guest's services do in processes of their own: the journal on the disk, the load, the fill.
use strict;
use warnings;
use Fcntl qw(O_WRONLY O_CREAT O_APPEND);

my $PAGE_BYTES = 4096;
my $CHUNK_BYTES = 65536;
my $SLICE_SECONDS = 0.01;
my $CLOCK_GETTIME = 228;    # x86-64; perl-base has no Time::HiRes
my $FSYNC = 74;

# CLOCK_MONOTONIC in seconds.
sub now {
    my $time = "\0" x 16;
    syscall($CLOCK_GETTIME, 1, $time);
    my ($seconds, $nanoseconds) = unpack('q q', $time);
    return $seconds + $nanoseconds / 1e9;
}

sub pause_until {
    my ($time) = @_;
    my $wait = $time - now();
    select(undef, undef, undef, $wait) if $wait > 0;
}

sub read_line {
    my ($path) = @_;
    open(my $file, '<', $path) or die "$path: $!\n";
    my $line = <$file>;
    chomp $line;
    return $line;
}

sub uptime { return (split ' ', read_line('/proc/uptime'))[0] }

# Appends "<boot> <sequence> <uptime>" with fsync every 200 ms. Two writers, or an acknowledged line that
# was lost, would show as a gap or a repetition in the sequence.
sub run_journal {
    my ($report, $path, $boot) = @_;
    sysopen(my $file, $path, O_WRONLY | O_CREAT | O_APPEND, 0644) or die "$path: $!\n";
    my ($sequence) = last_sequence($path, $boot);
    my $due = now();
    while (1) {
        $sequence++;
        my $line = "$boot $sequence " . uptime() . "\n";
        my $written = syswrite($file, $line);
        die "$path: $!\n" unless defined $written && $written == length $line;
        die "fsync of $path: $!\n" if syscall($FSYNC, fileno($file)) != 0;
        print $report "sequence=$sequence\n";
        $due += 0.2;
        $due = now() if $due < now();
        pause_until($due);
    }
}

# The services may be started again within one boot.
sub last_sequence {
    my ($path, $boot) = @_;
    open(my $file, '<', $path) or return 0;
    my $sequence = 0;
    while (my $line = <$file>) { $sequence = $1 if $line =~ /\A\Q$boot\E (\d+) / }
    return $sequence;
}

# Per boot the sequence must count 1, 2, 3 … and the boots must not alternate.
sub journal_facts {
    my ($path) = @_;
    my ($lines, $boots, $faults, $boot, $last, $first_fault) = (0, 0, 0, '', 0, undef);
    my %seen;
    open(my $file, '<', $path) or return { lines => 0, boots => 0, faults => 0, firstFault => undef };
    while (my $line = <$file>) {
        $lines++;
        my ($this, $sequence) = $line =~ /\A(\S{8}) (\d+) \S+\n\z/;
        my $good = defined $this && ($this eq $boot ? $sequence == $last + 1 : $sequence == 1 && !$seen{$this});
        if (!$good) { $faults++; $first_fault //= "line$lines" }
        next unless defined $this;
        if ($this ne $boot) { $boots++; $seen{$this} = 1; $boot = $this }
        $last = $sequence;
    }
    return { lines => $lines, boots => $boots, faults => $faults, firstFault => $first_fault };
}

sub random_bytes {
    my ($count) = @_;
    open(my $random, '<:raw', '/dev/urandom') or die "urandom: $!\n";
    my $data = '';
    while (length $data < $count) { sysread($random, $data, $count - length $data, length $data) or die "urandom: $!\n" }
    return $data;
}

# Made in place: `"\0" x $size` is made beside the variable and copied into it, for which a guest may have no room.
sub make_memory {
    my ($size) = @_;
    my $memory = '';
    vec($memory, $size - 1, 8) = 0;
    return \$memory;
}

# Rewrites a buffer from front to end, again and again, at the wanted rate. What is written is random, and differs
# from what was there, because every pass begins with the next pattern.
sub run_load {
    my ($report, $size, $rate) = @_;
    $size = $CHUNK_BYTES if $size < $CHUNK_BYTES;
    $size -= $size % $CHUNK_BYTES;
    my @patterns = map { random_bytes($CHUNK_BYTES) } 1 .. 17;
    my @pages = map { substr($patterns[$_], 0, $PAGE_BYTES) } 0 .. 16;
    my $memory = make_memory($size);
    # Full of something else than the first pass writes, so that the memory is not zero from the first moment on.
    for my $chunk (0 .. $size / $CHUNK_BYTES - 1) {
        substr($$memory, $chunk * $CHUNK_BYTES, $CHUNK_BYTES, $patterns[($chunk + 16) % 17]);
    }
    my ($offset, $pass, $pattern, $written, $debt) = (0, 0, 0, 0, 0);
    my $last = now();
    my ($report_time, $report_written) = ($last, 0);
    while (1) {
        my $time = now();
        $debt += ($time - $last) * $rate;
        # At most 50 ms of arrears: time in which the guest did not run is not made up for in a burst.
        $debt = $rate * 0.05 + $PAGE_BYTES if $debt > $rate * 0.05 + $PAGE_BYTES;
        $last = $time;
        while ($debt >= $PAGE_BYTES) {
            if ($debt >= $CHUNK_BYTES && $offset % $CHUNK_BYTES == 0) {
                substr($$memory, $offset, $CHUNK_BYTES, $patterns[$pattern]);
                $offset += $CHUNK_BYTES; $debt -= $CHUNK_BYTES; $written += $CHUNK_BYTES;
                $pattern = 0 if ++$pattern == 17;
            } else {
                substr($$memory, $offset, $PAGE_BYTES, $pages[$pattern]);
                $offset += $PAGE_BYTES; $debt -= $PAGE_BYTES; $written += $PAGE_BYTES;
                $pattern = 0 if ++$pattern == 17;
            }
            if ($offset == $size) { $offset = 0; $pattern = ++$pass % 17 }
        }
        if ($time - $report_time >= 0.5) {
            my $reached = int(($written - $report_written) / ($time - $report_time));
            print $report "reachedBytesPerSecond=$reached writtenBytes=$written\n";
            ($report_time, $report_written) = ($time, $written);
        }
        pause_until($time + $SLICE_SECONDS);
    }
}

# Memory that is full and stays as it is: random (incompressible) or text.
sub run_fill {
    my ($report, $size, $kind) = @_;
    my $memory = make_memory($size);
    my ($filled, $number) = (0, 0);
    while ($filled < $size) {
        my $piece = $kind eq 'random' ? random_bytes(1024 * 1024)
            : join('', map { sprintf("The bar-tailed godwit flies without landing, line %012d.\n", $number++) } 1 .. 4096);
        $piece = substr($piece, 0, $size - $filled) if length $piece > $size - $filled;
        substr($$memory, $filled, length $piece, $piece);
        $filled += length $piece;
        print $report "filledBytes=$filled\n";
        select(undef, undef, undef, 0.002);
    }
    sleep 3600 while 1;
}

1;
