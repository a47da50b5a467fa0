#!/bin/sh
# Called by ipmi_sim whenever somebody asks the management controller of a node about power, or switches it:
#   chassis-control.sh NAMESPACE SWITCH get power | set power 0|1 | set reset 1 | …
# A node is on as long as its network namespace is there: with that gone all of its processes are.
namespace=$1
switch=$2
shift 2
while [ $# -gt 0 ]; do
  case "$1 $2" in
    'get power')
      if [ -e "/run/netns/$namespace" ]; then echo power:1; else echo power:0; fi
      shift 2
      ;;
    'get boot')
      echo boot:default
      shift 2
      ;;
    'set power')
      printf %s "$3" >"$switch"
      # A controller that says "done" when it is done saves its caller a second of asking again.
      for _ in $(seq 40); do
        if [ "$3" = "$([ -e "/run/netns/$namespace" ] && echo 1 || echo 0)" ]; then break; fi
        sleep 0.02
      done
      shift 3
      ;;
    'set reset')
      printf 2 >"$switch"
      shift 3
      ;;
    get*) shift 2 ;;
    *) shift 3 ;;
  esac
done
