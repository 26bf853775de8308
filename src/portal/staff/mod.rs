//! Pages of the legislative staff: signing in, the desk, imports, one's own account, the accounts of the staff, the audit log.

pub mod answering;
pub mod audit;
pub mod bars;
pub mod deliveries;
pub mod desk;
pub mod drafting;
pub mod imports;
pub mod login;
pub mod moderation;
pub mod own_account;
pub mod points;
pub mod qr;
pub mod rounds;
pub mod selections;
pub mod statistics;
pub mod tasks;
pub mod users;
