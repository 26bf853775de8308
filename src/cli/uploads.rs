//! `upload-opinions`: a file of offline opinions, tried and, where wished, committed, in the name of somebody of the point.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{self, Caller};
use crate::app::{Access, App};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ids::{AssignmentId, UploadBatchId};
use crate::opinions::offline::batches::{self, Batch, BatchState, RowFilter, RowState, Uploads, Which};
use crate::telemetry;

/// Rows with problems that are printed.
const PRINTED: usize = 50;

/// `upload-opinions`
pub async fn upload(
    config: Config,
    file: &Path,
    account: &str,
    assignment: Uuid,
    commit: Option<String>,
    as_json: bool,
) -> Result<ExitCode> {
    let bytes = std::fs::read(file).map_err(|e| Error::startup(format!("读不到文件 {}：{e}。", file.display())))?;
    let app = App::open(config, Access::Exclusive).await?;
    let staff = accounts::find_staff(&app.db, account).await?.filter(|staff| staff.is_active);
    let staff = staff.ok_or_else(|| Error::startup(format!("没有名为 {account} 的可用账号。")))?;
    let caller = Caller {
        account_id: staff.id,
        role: staff.role,
        display_name: staff.display_name,
        organ: staff.organ,
        contact_point: staff.contact_point,
        station: staff.station,
    };
    let uploads = app.uploads();
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let begun = Instant::now();
    let uploaded = batches::upload(&uploads, &caller, AssignmentId(assignment), &name, bytes).await?;
    let id = uploaded.batch;
    let (mut read_ms, mut commit_ms, mut steps) = (0, 0, 0);
    match uploaded.worker {
        Some(worker) => {
            steps += work(&uploads, &caller, id, worker).await?;
            read_ms = begun.elapsed().as_millis();
        }
        None => eprintln!("{}", uploaded.notice),
    }
    let mut batch = batches::get_batch(&app.db, &caller, id).await?;
    if let Some(which) = commit.filter(|_| batch.state == BatchState::Checked) {
        let which = if which == "ready" { Which::Ready } else { Which::All };
        let begun = Instant::now();
        let worker = batches::commit(&uploads, &caller, id, batch.revision, which).await?;
        steps += work(&uploads, &caller, id, worker).await?;
        commit_ms = begun.elapsed().as_millis();
        batch = batches::get_batch(&app.db, &caller, id).await?;
    }
    if as_json {
        let report = json!({
            "batch": id, "state": batch.state.as_str(), "rows": batch.counts.all(), "by_state": batch.counts.by_state, "notices": batch.notices,
            "failure": batch.failure, "read_ms": read_ms, "commit_ms": commit_ms, "progress_steps": steps,
            "peak_memory_bytes": telemetry::peak_resident_bytes(),
        });
        println!("{report:#}");
    } else {
        print(&uploads, &caller, &batch).await?;
    }
    let is_fine = batch.failure.is_empty() && batch.counts.of(RowState::Problem) == 0 && batch.state != BatchState::Mapping;
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Works at a batch while a bar shows how far it is. Gives how many different places the bar stood at.
async fn work(uploads: &Uploads, caller: &Caller, id: UploadBatchId, worker: Uuid) -> Result<usize> {
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} 行 {msg}").map_err(|e| Error::internal("the progress bar is malformed", e))?,
    );
    let mut working = tokio::spawn(batches::work(uploads.clone(), caller.clone(), id, worker));
    let mut seen = std::collections::BTreeSet::new();
    loop {
        tokio::select! {
            done = &mut working => {
                done.map_err(|e| Error::internal("work at a batch broke off", e))?;
                bar.finish_and_clear();
                return Ok(seen.len());
            }
            () = tokio::time::sleep(Duration::from_millis(200)) => {
                let batch = batches::get_batch(&uploads.db, caller, id).await?;
                bar.set_length(u64::try_from(batch.total).unwrap_or(0));
                bar.set_position(u64::try_from(batch.done).unwrap_or(0));
                bar.set_message(batch.state.label());
                seen.insert((batch.state.as_str(), batch.done));
            }
        }
    }
}

async fn print(uploads: &Uploads, caller: &Caller, batch: &Batch) -> Result<()> {
    for notice in &batch.notices {
        println!("{notice}");
    }
    let filter = RowFilter { state: Some(RowState::Problem), has_warnings: false };
    let (_, page) = batches::list_rows(uploads, caller, batch.id, filter, None, PRINTED).await?;
    for row in page.items {
        let sentences: Vec<&str> = row.problems.iter().map(|problem| problem.sentence.as_str()).collect();
        println!("第 {} 行  {}", row.number, sentences.join(" "));
    }
    if !batch.failure.is_empty() {
        println!("{}", batch.failure);
    }
    let counts: Vec<String> = RowState::ALL
        .iter()
        .map(|state| (state, batch.counts.of(*state)))
        .filter(|(_, n)| *n > 0)
        .map(|(s, n)| format!("{} {n}", s.label()))
        .collect();
    println!("批次 {}（{}）：读入 {} 行；{}。", batch.id, batch.state.label(), batch.counts.all(), counts.join("，"));
    Ok(())
}
