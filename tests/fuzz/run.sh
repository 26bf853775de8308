#!/usr/bin/env bash
# Runs the fuzz targets one after the other.
#
#   tests/fuzz/run.sh MINUTES [TARGET…]     each target (or those named) for MINUTES
#   tests/fuzz/run.sh keep [TARGET…]        adds to tests/fuzz/corpus what reached code that its inputs do not
#
# With a nightly toolchain the address sanitizer runs along; without one the targets run on the stable one, whose overflow checks, assertions and
# panics are what finds something. What was found lies in target/fuzz/found; the growing corpus in target/fuzz/corpus, minimised after each run.
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:?how many minutes, or keep}
shift
mapfile -t targets < <(sed -n '/^\[\[bin\]\]/,/^path/s/^name = "\(.*\)"/\1/p' tests/fuzz/Cargo.toml)
if [ "$#" -gt 0 ]; then targets=("$@"); fi
out=target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# What cargo-fuzz gives the compiler: coverage of edges and of comparisons.
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
flags+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
flags+=" -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=1 --cfg fuzzing"
cargo=(cargo) memory_mb=512
if [ "${FUZZ_TOOLCHAIN:-nightly}" = nightly ] && rustc +nightly -vV >/dev/null 2>&1; then
    # The sanitizer keeps what was freed for a while, which is no memory of ours.
    cargo=(cargo +nightly) memory_mb=2048
    flags+=" -Zsanitizer=address"
    export ASAN_OPTIONS=detect_odr_violation=0
fi
echo "== building with: ${cargo[*]}"
# The versions that the product is locked to; cargo adds the few that are only needed here.
cp Cargo.lock tests/fuzz/Cargo.lock
RUSTFLAGS=$flags "${cargo[@]}" build --release --manifest-path tests/fuzz/Cargo.toml --bins --target "$host" --target-dir "$out/build"

# libFuzzer reads words as bytes.
mkdir -p "$out"
python3 - tests/fuzz/words.txt >"$out/words.$$" <<'END'
import sys
for word in open(sys.argv[1], encoding="utf-8").read().splitlines():
    if word:
        print('"' + "".join(f"\\x{byte:02X}" for byte in word.encode()) + '"')
END
# Whole at once: another run may be beside this one.
mv "$out/words.$$" "$out/words.dict"

bounds=(-timeout=5 "-rss_limit_mb=$memory_mb" -malloc_limit_mb=256 -max_len=65536)
found=0
for target in "${targets[@]}"; do
    binary=$out/build/$host/release/$target
    grown=$out/corpus/$target kept=tests/fuzz/corpus/$target artefacts=$out/found/$target
    mkdir -p "$grown" "$artefacts"
    if [ "$what" = keep ]; then
        # Few and small: enough that every edge is reached which the grown ones reach.
        "$binary" -set_cover_merge=1 -use_counters=0 "${bounds[@]}" -max_len=2048 "$kept" "$grown"
        continue
    fi
    echo "== $target, $what min"
    if ! "$binary" "${bounds[@]}" "-max_total_time=$((what * 60))" "-dict=$out/words.dict" -print_final_stats=1 "-artifact_prefix=$artefacts/" "$grown" "$kept"; then
        found=$((found + 1))
        echo "FOUND: $target; the input is in $artefacts; again: $binary FILE"
    fi
    smaller=$out/smaller/$target
    rm -rf "$smaller"
    mkdir -p "$smaller"
    if "$binary" -merge=1 "${bounds[@]}" "-artifact_prefix=$artefacts/" "$smaller" "$grown"; then
        rm -rf "$grown"
        mv "$smaller" "$grown"
    fi
    echo "$target: $(find "$grown" -type f | wc -l) inputs, $(du -sb "$grown" | cut -f1) bytes"
done
du -sb tests/fuzz/corpus
echo "targets ${#targets[@]}, with findings $found"
[ "$found" -eq 0 ]
