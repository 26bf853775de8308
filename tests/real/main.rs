//! Tests on real texts, which are never part of this project: a folder of public statutes, named by `ZHITONG_SHARED` or beside the checkout.
//!
//! Where the folder is absent each test says so; under `CI=true` its absence is a failure.

mod citations;
mod grouping;
mod lineage;
mod structure;
mod typed;
