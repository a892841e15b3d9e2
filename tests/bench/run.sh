#!/bin/sh
# run.sh - every bench of this folder, one after another; each prints what it measured.
set -u
for b in tests/bench/*; do
    case $b in */run.sh | */measure.sh | *.c | *.py) continue ;; esac
    echo "== $(basename "$b" .sh)"
    sh "$b"
done
