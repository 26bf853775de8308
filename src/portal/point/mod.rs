//! `/point`: what the staff of a contact point see and do. The point is that of the account, never one that an address names.

mod activities;
mod desk;
mod entry;
mod materials;
pub mod outcomes;
mod tasks;

use poem::Route;

use crate::accounts::{Caller, Permission};
use crate::error::Result;
use crate::portal::visits::Visit;

/// The pages of this room.
pub fn routes(route: Route) -> Route {
    let route = desk::routes(route);
    let route = tasks::routes(route);
    let route = entry::routes(route);
    let route = materials::routes(route);
    activities::routes(route)
}

/// The member of staff of a contact point who is here.
fn staff(visit: &Visit) -> Result<&Caller> {
    visit.staff(Permission::WorkAtContactPoint)
}
