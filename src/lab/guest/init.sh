#!/bin/busybox sh
# The guest's first process: devices, modules, address, disk, then the services; powers off when they end.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
exec </dev/console >/dev/console 2>&1

while read -r module; do
  insmod "/modules/$module" || echo "godwit-guest: module $module does not load"
done </modules/order

name=guest
address=
gateway=
for word in $(cat /proc/cmdline); do
  case "$word" in
    godwit.name=*) name=${word#godwit.name=} ;;
    godwit.address=*) address=${word#godwit.address=} ;;
    godwit.gateway=*) gateway=${word#godwit.gateway=} ;;
  esac
done
hostname "$name"
ip link set lo up
if [ -e /sys/class/net/eth0 ]; then
  ip link set eth0 up
  [ -n "$address" ] && ip addr add "$address" dev eth0
  [ -n "$gateway" ] && ip route add default via "$gateway"
fi

disk=
if [ -b /dev/vda ]; then
  # Only a blank disk is formatted: whatever has anything at its beginning may hold somebody's data.
  if [ "$(dd if=/dev/vda bs=65536 count=1 2>/dev/null | tr -d '\000' | wc -c)" -eq 0 ]; then
    echo "godwit-guest: formats /dev/vda"
    # By path: busybox would run its own mke2fs, which knows no ext4.
    /bin/mke2fs -q -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 /dev/vda
  fi
  if mount -t ext4 /dev/vda /disk; then disk=/disk; else echo "godwit-guest: /dev/vda cannot be mounted"; fi
fi

# Somebody to talk to on either console. The screen is there only with a graphics card.
console_shell() {
  while :; do
    setsid -c sh -c 'cat /etc/issue; exec sh -i' <"/dev/$1" >"/dev/$1" 2>&1
    sleep 1
  done
}
printf '\n%s, a guest of the Godwit lab%s\n' "$name" "${address:+, ${address%/*}}" >/etc/issue
export PS1='\h# '
console_shell ttyS0 &
[ -n "$(ls -d /sys/class/graphics/fb* /sys/bus/pci/devices/*/boot_vga 2>/dev/null)" ] && console_shell tty1 &

while :; do
  perl /godwit/services.pl "$name" "$disk"
  status=$?
  [ $status -eq 0 ] && break
  echo "godwit-guest: services ended with status $status, starting them again"
  sleep 1
done

echo "godwit-guest: powers off"
sync
[ -n "$disk" ] && umount /disk
poweroff -f
