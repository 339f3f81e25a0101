#!/bin/sh
# Builds the tests for this machine and runs them.
set -eu
cd "$(dirname "$0")"
: "${CC:=cc}"
mkdir -p build
$CC -g -Wall -Wextra -Isrc -o build/test test/*.c src/json.c src/my-role.c
build/test
