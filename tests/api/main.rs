//! The API as its callers see it, on SQLite and the in-process cache, or on PostgreSQL and Redis when `ZHITONG_TEST_POSTGRES` and
//! `ZHITONG_TEST_REDIS` name servers. Each test has a database of its own, a fixed clock and counted ids.

mod accounts;
mod answering;
mod auditing;
mod bots;
mod citizens;
mod contact_points;
mod drafting;
mod drafting_pages;
mod drafts;
mod feedback;
mod following;
mod keys;
mod library;
mod lineage;
mod moderation;
mod notifications;
mod opinions;
mod pages;
mod participation;
mod permissions;
mod personal_data;
mod problems;
mod report;
mod round_pages;
mod rounds;
mod security;
mod seeds;
mod speaking;
mod staff;
mod statements;
mod support;
mod wechat;
