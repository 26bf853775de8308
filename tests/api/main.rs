//! The API as its callers see it, on SQLite and the in-process cache, or on PostgreSQL and Redis when `ZHITONG_TEST_POSTGRES` and
//! `ZHITONG_TEST_REDIS` name servers. Each test has a database of its own, a fixed clock and counted ids.

mod accounts;
mod answering;
mod bots;
mod citizens;
mod contact_points;
mod drafting;
mod drafting_pages;
mod drafts;
mod feedback;
mod following;
mod library;
mod moderation;
mod notifications;
mod opinions;
mod pages;
mod permissions;
mod personal_data;
mod problems;
mod rounds;
mod seeds;
mod statements;
mod support;
mod wechat;
