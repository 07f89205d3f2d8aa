#!/bin/sh
# Answers as k3s on a server would: its health is the text in /root/cluster/ready, the rest is the stand-in for kubectl.
case $* in
*/readyz*) echo ok ;;
*EtcdIsVoter*) echo "True the node is a voting member" ;;
*'"Ready"'*) cat /root/cluster/ready ;;
*) exec /usr/bin/kubectl "$@" ;;
esac
