//! Operations of the offline loop: collection tasks of the bureau 征集任务, what contact points do for them, and their activities 征集活动.

mod activities;
mod own;
mod relays;
mod tasks;
mod views;

/// All operations of the capability, as one member of the service.
pub type Operations = (tasks::CollectionTasksApi, own::OwnAssignmentsApi, activities::ActivitiesApi, relays::RelaysApi);

/// Their values.
pub const OPERATIONS: Operations = (tasks::CollectionTasksApi, own::OwnAssignmentsApi, activities::ActivitiesApi, relays::RelaysApi);
