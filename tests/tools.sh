# What the tests of pages, files and the API description need besides PostgreSQL and Redis. Sourced by run.sh.
#
#   tools_install     installs what is missing (Debian packages; Python packages into target/test-tools), and sets
#                     ZHITONG_AXE (axe.min.js) and ZHITONG_SCHEMATHESIS (a program)
#   tools_install_store   installs the stand-in for the object store that tests/province/ needs, and sets ZHITONG_MOTO

TOOLS_DIR="$PWD/target/test-tools"
# axe-core 4.12.1 comes inside this package.
TOOLS_AXE_PACKAGE="axe-playwright-python==0.1.8"
TOOLS_PYTHON_PACKAGES=("schemathesis==4.32.5")
# The S3 stand-in: what its server needs for S3 alone, less than half of what `moto[server]` brings. In an environment of its own, so that neither decides which
# versions the other gets.
TOOLS_S3_PACKAGES=("moto[s3]==5.2.5" "flask==3.1.2" "flask-cors==6.0.1")

tools_install() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    command -v chromedriver >/dev/null || missing+=(chromium-driver)
    [ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || missing+=(fonts-noto-cjk)
    local package
    for package in libreoffice-writer-nogui libreoffice-calc-nogui; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    command -v pdftotext >/dev/null || missing+=(poppler-utils)
    command -v faketime >/dev/null || missing+=(faketime)
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    if [ "${#missing[@]}" -gt 0 ]; then
        echo "installing: ${missing[*]}"
        local sudo=()
        if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
        "${sudo[@]}" apt-get -qq update
        DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" >/dev/null || return 1
    fi
    mkdir -p "$TOOLS_DIR"
    if [ ! -x "$TOOLS_DIR/venv/bin/schemathesis" ]; then
        echo "installing: ${TOOLS_PYTHON_PACKAGES[*]}"
        python3 -m venv "$TOOLS_DIR/venv" && "$TOOLS_DIR/venv/bin/pip" -q install --disable-pip-version-check "${TOOLS_PYTHON_PACKAGES[@]}" || return 1
    fi
    if [ ! -s "$TOOLS_DIR/axe.min.js" ]; then
        echo "installing: axe-core from $TOOLS_AXE_PACKAGE"
        "$TOOLS_DIR/venv/bin/pip" -q download --disable-pip-version-check --no-deps -d "$TOOLS_DIR" "$TOOLS_AXE_PACKAGE" || return 1
        python3 - "$TOOLS_DIR" <<'PY' || return 1
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
[wheel] = folder.glob("axe_playwright_python-*.whl")
(folder / "axe.min.js").write_bytes(zipfile.ZipFile(wheel).read("axe_playwright_python/axe.min.js"))
wheel.unlink()
PY
    fi
    export ZHITONG_AXE="$TOOLS_DIR/axe.min.js" ZHITONG_SCHEMATHESIS="$TOOLS_DIR/venv/bin/schemathesis"
}

tools_install_store() {
    mkdir -p "$TOOLS_DIR"
    if [ ! -x "$TOOLS_DIR/s3/bin/moto_server" ]; then
        echo "installing: ${TOOLS_S3_PACKAGES[*]}"
        python3 -m venv "$TOOLS_DIR/s3" && "$TOOLS_DIR/s3/bin/pip" -q install --disable-pip-version-check "${TOOLS_S3_PACKAGES[@]}" || return 1
    fi
    export ZHITONG_MOTO="$TOOLS_DIR/s3/bin/moto_server"
}

# What the checks of deploy/ need: installs nginx (Debian), and into target/test-tools promtool and Python packages of their own environment, and sets
# ZHITONG_PROMTOOL, ZHITONG_DEPLOY_PYTHON and ZHITONG_MOTO (a stand-in for S3-compatible storage). Called by deploy.sh and topology.sh.
TOOLS_DEPLOY_PACKAGES=("check-jsonschema==0.39.0" "kubernetes-validate==1.34.1" "PyYAML==6.0.3")

tools_install_deployment() {
    local missing=() sudo=() venv="$TOOLS_DIR/deployment"
    if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
    [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
    command -v systemd-analyze >/dev/null || missing+=(systemd)
    command -v openssl >/dev/null || missing+=(openssl)
    command -v curl >/dev/null || missing+=(curl)
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    mkdir -p "$TOOLS_DIR"
    if [ "${#missing[@]}" -gt 0 ] || [ ! -x "$TOOLS_DIR/promtool" ]; then "${sudo[@]}" apt-get -qq update; fi
    if [ "${#missing[@]}" -gt 0 ]; then
        echo "installing: ${missing[*]}"
        # nginx may not start a server of its own.
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "${sudo[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" >/dev/null || return 1
    fi
    if [ ! -x "$TOOLS_DIR/promtool" ]; then
        echo "installing: promtool from the package prometheus"
        local folder
        folder=$(mktemp -d) && chmod 755 "$folder" || return 1
        # Unpacked, not installed: the package would start a server.
        (cd "$folder" && apt-get -qq download prometheus 2>/dev/null && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool) &&
            install -m 755 "$folder/usr/bin/promtool" "$TOOLS_DIR/promtool" || { rm -rf "$folder"; return 1; }
        rm -rf "$folder"
    fi
    if [ ! -x "$venv/bin/kubernetes-validate" ]; then
        echo "installing: ${TOOLS_DEPLOY_PACKAGES[*]}"
        python3 -m venv "$venv" && "$venv/bin/pip" -q install --disable-pip-version-check "${TOOLS_DEPLOY_PACKAGES[@]}" || return 1
    fi
    tools_install_store || return 1
    export ZHITONG_PROMTOOL="$TOOLS_DIR/promtool" ZHITONG_DEPLOY_PYTHON="$venv/bin/python"
}
