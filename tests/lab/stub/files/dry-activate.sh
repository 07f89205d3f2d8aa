#!/bin/sh
top=@out@
for snippet in "$top"/stub/activation/*; do
  [ ! -e "$snippet" ] || echo "would run the activation script snippet '${snippet##*/}'"
done
