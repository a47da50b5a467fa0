#!/bin/sh
# Started as the first process of a lab machine's own PID, mount, UTS and control group namespace:
#   machine.sh NAME STAGING LOG GUARD KEEP... -- [PROGRAM ARGUMENT...]
# Gives the machine its own /run, /tmp and /sys, then runs the program below tini, which reaps what the
# program leaves behind, and again after it ended, as an init system would. Without a program it idles.
# GUARD is empty, or the shell command of a guard, which runs beside the program.
# KEEP are directories that stay visible although they are below /run or /tmp.
set -eu

# Exists while the guard's watchdog is armed; /run is empty after a reset.
armed=/run/godwit/guard.sock.armed

if [ "$1" = --guard ]; then
  set +e
  log=$2
  while :; do
    # Ahead of everything it has to stop.
    nice -n -20 sh -c "exec $3" </dev/null >>"$log" 2>&1
    status=$?
    if [ -e "$armed" ]; then
      echo "$(date -Is) supervisor: the guard ended with status $status while its watchdog was armed, which resets the machine" >>"$log"
      exit 0
    fi
    echo "$(date -Is) supervisor: the guard ended with status $status, starting it again" >>"$log"
    sleep 0.2
  done
fi

if [ "$1" = --supervise ]; then
  set +e
  log=$2
  if [ -n "$3" ]; then sh "$0" --guard "$log" "$3" & fi
  shift 3
  while :; do
    started=$(date +%s)
    # Heartbeats come before guests: QEMU is started at the ordinary priority again.
    nice -n -10 "$@" </dev/null >>"$log" 2>&1
    status=$?
    # A program that was killed is back before the authority of its node ends; one that cannot start does not fill the log.
    pause=0.2
    if [ $(($(date +%s) - started)) -lt 5 ]; then pause=1; fi
    echo "$(date -Is) supervisor: \`$*\` ended with status $status, starting it again in $pause s" >>"$log"
    sleep "$pause"
  done
fi

name=$1
staging=$2
log=$3
guard=$4
shift 4
echo "$name" >/proc/sys/kernel/hostname

# This mount namespace began as a copy of the host's. Copies of the other machines' network namespaces in it would
# keep those alive when the machines crash.
# (Mounts may lie over each other, hence more than one pass.)
for _ in 1 2 3 4; do
  for target in $(cut -d ' ' -f 5 /proc/self/mountinfo | grep '^/run/netns' || true); do
    umount -n -l "$target" 2>/dev/null || true
  done
done

kept=
while [ "$1" != -- ]; do
  kept="$kept
$1"
  shift
done
shift

# The new directory is made ready elsewhere and moved into place, because what is kept is below the old one.
make_private() {
  mount -n -t tmpfs -o "mode=$2,nosuid,nodev" godwit "$staging"
  echo "$kept" | while read -r path; do
    case $path in
      "$1"/*)
        mkdir -p "$staging${path#"$1"}"
        mount -n --rbind "$path" "$staging${path#"$1"}"
        ;;
    esac
  done
  mount -n --move "$staging" "$1"
}
make_private /run 0755
make_private /tmp 1777

# Shows the devices of this network namespace, and the machine's own control groups.
mount -n -t sysfs sysfs /sys
mount -n -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null || true

# As udev has it on a real node: whoever owns a tap may open it. Some containers keep it to root.
if [ -d /dev/net ]; then
  mount -n -t tmpfs -o mode=0755,nosuid godwit /dev/net
  mknod -m 0666 /dev/net/tun c 10 200
fi
cd /

if [ $# -eq 0 ]; then exec tini -- sleep infinity; fi
exec tini -- sh "$0" --supervise "$log" "$guard" "$@"
