//! 直通 (`zhitong`): consultation on draft local law, opinions answered one by one, and one-click lookup of the law in force.

pub mod accounts;
pub mod api;
pub mod app;
pub mod audit;
pub mod calendar;
pub mod cli;
pub mod config;
pub mod contact_points;
pub mod corpus;
pub mod documents;
pub mod drafts;
pub mod error;
pub mod ids;
pub mod notifications;
pub mod opinions;
pub mod personal_data;
pub mod portal;
pub mod search;
pub mod seeding;
pub mod server;
pub mod storage;
pub mod telemetry;
