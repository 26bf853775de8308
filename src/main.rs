//! Parses the command line, starts telemetry, runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    zhitong::cli::main()
}
