# Sourced by ./demo and ./check: says what is missing, installs it from Debian's packages, nothing twice.
# Works as root, with sudo, or tells the one command to run.

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# need_packages NAME=PROBE…: installs each Debian package whose probe (a command or a file pattern) finds nothing.
need_packages() {
  local missing=() pair package probe
  for pair in "$@"; do
    package=${pair%%=*} probe=${pair#*=}
    if [[ $probe == */* ]]; then compgen -G "$probe" >/dev/null || missing+=("$package")
    else command -v "$probe" >/dev/null 2>&1 || missing+=("$package"); fi
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1; then root=(sudo)
    else
      say "Missing packages: ${missing[*]}. Run as root, then start this again:"
      echo "  apt-get update && apt-get install -y ${missing[*]}" >&2
      exit 6
    fi
  fi
  say "Installing Debian packages: ${missing[*]}"
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update -qq
  # The cluster Debian would start by itself is not needed: a private one is made.
  if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    "${root[@]}" mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo 'create_main_cluster = false' | "${root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_rust() {
  [ -d "$HOME/.cargo/bin" ] && PATH="$HOME/.cargo/bin:$PATH"
  command -v cargo >/dev/null 2>&1 || { say "Rust is missing (cargo 1.85 or newer). Install it, then start this again."; exit 6; }
}

# Front-end packages, only when the lock file is newer than what is installed.
need_npm() { # folder
  local dir=$1
  if [ ! -e "$dir/node_modules/.package-lock.json" ] || [ "$dir/package-lock.json" -nt "$dir/node_modules/.package-lock.json" ]; then
    say "Installing front-end packages in $dir"
    (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error)
    touch "$dir/node_modules/.package-lock.json"
  fi
}

POSTGRES_PROBE='/usr/lib/postgresql/*/bin/postgres'
