# shellcheck shell=bash
# What .ci/run and .ci/full share; each reads it.

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1
export PIP_COMPILE=0  # Python compiles what it imports, pip would compile all of every package
unset PYTHONPATH PYTHONDONTWRITEBYTECODE

step() { printf '\n=== %s (%d s) ===\n' "$*" "$SECONDS"; }

pythons() {  # version and path of each that can be used, lowest first
    shopt -s nullglob
    for python in $(type -aP python3 python3.{11..29} || true) "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3 \
            "$HOME"/.local/share/uv/python/*/bin/python3 /opt/python/*/bin/python3; do
        "$python" -c 'import ensurepip, sys
if sys.version_info >= (3, 11) and sys.version_info.releaselevel == "final":
    print("%d.%d" % sys.version_info[:2], sys.executable)' 2>/dev/null || true
    done | sort -s -V -k 1,1
}

copy() {  # of the checkout, with what is not yet committed
    mkdir "$1"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$1"
}
