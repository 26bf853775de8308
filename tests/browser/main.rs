//! The pages in a real Chromium, driven as a person would: every page on a phone and on a desktop, checked by axe-core, and the main journeys, each step
//! with a picture under `tests/artefacts/`.
//!
//! Needs `chromedriver`, `chromium` and, in `ZHITONG_AXE`, the path of `axe.min.js`; `tests/run.sh` installs all three. Where one is absent the test says
//! `SKIPPED:` and why, which `tests/run.sh` counts. To add a page: one line in the table of `pages.rs`, which a test compares with the routes.

mod administration;
mod answering;
mod citizen;
mod collecting;
mod entry;
mod pages;
mod support;
mod uploads;
