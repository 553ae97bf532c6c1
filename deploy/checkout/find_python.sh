#!/bin/sh
# Prints the Python to use: the named one if one is named, or else the one that .venv was made with,
# or else the first on PATH that is new enough. Where there is none, it says so in one sentence.
# Usage: find_python.sh [PYTHON]
named=$1

version() {
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

found() {
    # Those for which every package has a wheel come first.
    for name in python3.14 python3.13 python3.12 python3.11 python3.15 python3.16 python3.17 python; do
        if new_enough "$name"; then
            echo "$name"
            return
        fi
    done
}

if [ -n "$named" ]; then
    if new_enough "$named"; then
        echo "$named"
        exit
    fi
    other=$(found)
    is=$(version "$named")
    echo "Headrace needs Python 3.11 or newer, and $named is ${is:-not there}: make PYTHON=${other:-/path/to/python3.13} …" >&2
    exit 1
fi

if [ -f .venv/pyvenv.cfg ]; then
    base=$(sed -n 's/^executable = //p' .venv/pyvenv.cfg)
    if [ -n "$base" ] && new_enough "$base"; then
        echo "$base"
        exit
    fi
fi

if new_enough python3; then
    echo python3
    exit
fi

other=$(found)
is=$(version python3)
if [ -n "$other" ]; then
    [ -z "$is" ] || echo "python3 is $is, too old for Headrace: using $other." >&2
    echo "$other"
    exit
fi
if [ -n "$is" ]; then
    echo "Headrace needs Python 3.11 or newer, and python3 is $is: install a newer one, and name it if it is not on PATH: make PYTHON=/path/to/python3.13 …" >&2
else
    echo "Headrace needs Python 3.11 or newer, and there is none on PATH: install it (Debian and Ubuntu: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.13 …" >&2
fi
exit 1
