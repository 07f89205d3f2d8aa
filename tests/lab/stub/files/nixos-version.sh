#!/bin/sh
case ${1:-} in
--json) echo '{"configurationRevision":"@revision@","nixosVersion":"@version@"}' ;;
--configuration-revision) echo "@revision@" ;;
*) echo "@version@ (Test)" ;;
esac
