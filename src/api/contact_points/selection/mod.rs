//! 遴选: the selection of contact points. Everybody sees public calls and their outcome and may apply; staff write, score and decide.

mod calls;
mod desk;
mod views;

pub use calls::CallsApi;
pub use desk::SelectionDeskApi;

/// All operations of the capability, as one member of the service.
pub type Operations = (CallsApi, SelectionDeskApi);

/// Their values.
pub const OPERATIONS: Operations = (CallsApi, SelectionDeskApi);
