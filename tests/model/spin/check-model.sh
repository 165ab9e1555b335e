#!/bin/sh
# check-model.sh <result> <model> <folder> [-Dflag…]: runs Spin over every state of a model.
#
# result: holds (and the search was complete), sleeps (an invalid end state is found) or asserts (a violated assertion
# is found). `folder` is for what Spin and the compiler write; it must belong to this call alone.
set -eu
result=$1
model=$2
folder=$3
shift 3

mkdir -p "$folder"
cd "$folder"
spin -a "$@" "$model"
# What is wrong is found before the compiler has made its search fast. -w: the verifier is generated code.
[ "$result" = holds ] && speed=-O2 || speed=-O0
"${CC:-cc}" $speed -DSAFETY -w -o pan pan.c
status=0
./pan -m100000 >output 2>&1 || status=$?
cat output

said() {
    grep -q "$1" output
}

case $result in
    holds)
        # Nothing found means nothing unless all was searched.
        [ "$status" -eq 0 ] && said 'errors: 0' && ! said 'not completed' && ! said 'too small' &&
            ! said 'out of memory'
        ;;
    sleeps) said 'invalid end state' && said 'errors: 1' ;;
    asserts) said 'assertion violated' && said 'errors: 1' ;;
    *)
        echo "check-model.sh: no such result: $result" >&2
        exit 2
        ;;
esac
