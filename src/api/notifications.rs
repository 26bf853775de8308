//! Operations on messages 通知: reading them, consenting to WeChat messages, and, for staff, what could not be delivered.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::accounts::NothingResponse;
use super::callers::SignedIn;
use super::problem::Problem;
use crate::accounts::{Caller, Permission, consents, deliveries};
use crate::app::App;
use crate::error::Error;
use crate::notifications::{carrying, inbox, outbox, subscriptions};

/// Number of messages that were not read.
#[derive(Object)]
struct UnreadView {
    /// Number
    unread: i64,
}

/// Everything up to an instant was read.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ReadAllBody {
    /// When the person looked; what came later stays unread. Now when absent
    #[oai(skip_serializing_if_is_none)]
    up_to: Option<DateTime<Utc>>,
}

/// How many messages were marked.
#[derive(Object)]
struct MarkedView {
    /// Number
    marked: u64,
}

/// What `wx.requestSubscribeMessage` gave for a template.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
enum Choice {
    /// One message may be sent
    Accept,
    /// The person said no
    Reject,
    /// WeChat or the person switched the template off
    Ban,
    /// WeChat filtered the template out
    Filter,
}

/// The choice for one template.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct SubscriptionChoiceBody {
    /// Id of the template
    #[oai(validator(min_length = 1, max_length = 128))]
    template_id: String,
    /// What the person chose
    choice: Choice,
}

/// What a person chose when the mini-program asked.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ConsentBody {
    /// A fresh code of `wx.login()`: proves to whom the messages go. Not needed when nothing was accepted
    #[oai(default, validator(max_length = 256))]
    code: String,
    /// One choice for each template that was asked for
    #[oai(validator(max_items = 5))]
    choices: Vec<SubscriptionChoiceBody>,
}

/// A template and what may still be sent by it.
#[derive(Object)]
struct SubscriptionView {
    /// Id of the template
    template_id: String,
    /// What it tells
    events: Vec<String>,
    /// Messages that may still be sent
    left: i64,
    /// Consents spent, each for one message
    spent: i64,
    /// Consents dropped because WeChat said that the person refuses
    dropped: i64,
}

/// An event that was given up.
#[derive(Object)]
struct GivenUpView {
    /// Id, for another try
    id: Uuid,
    /// Event
    event: String,
    /// Tries
    attempts: i64,
    /// Code of the last failure
    failure: String,
    /// When it was given up
    given_up_at: DateTime<Utc>,
}

/// One page of events that were given up.
#[derive(Object)]
struct GivenUpPageView {
    /// Events, the newest first
    items: Vec<GivenUpView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A message that WeChat did not take; it stands in the inbox.
#[derive(Object)]
struct FailedSendView {
    /// Id of the message
    message_id: Uuid,
    /// Event
    event: String,
    /// Template
    template_id: String,
    /// Tries
    attempts: i64,
    /// Why the last try failed
    failure: String,
    /// When it was given up
    ended_at: DateTime<Utc>,
}

/// One page of messages that WeChat did not take.
#[derive(Object)]
struct FailedSendPageView {
    /// Messages, the newest first
    items: Vec<FailedSendView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

async fn subscription_views(app: &App, caller: &Caller) -> Result<Json<Vec<SubscriptionView>>, Problem> {
    let quotas = subscriptions::list_quotas(&app.db, caller.account_id).await?;
    let views = app.templates.all().iter().map(|template| {
        let quota = quotas.get(&template.id).copied().unwrap_or_default();
        SubscriptionView {
            template_id: template.id.clone(),
            events: template.events.iter().map(|e| e.as_str().to_owned()).collect(),
            left: quota.left,
            spent: quota.spent,
            dropped: quota.dropped,
        }
    });
    Ok(Json(views.collect()))
}

/// The operations.
pub struct NotificationsApi;

#[OpenApi(tag = "Tag::Accounts")]
impl NotificationsApi {
    /// How many messages the caller has not read.
    #[oai(path = "/account/messages/unread", method = "get", operation_id = "count_unread_messages")]
    async fn count_unread_messages(&self, app: Data<&App>, signed_in: SignedIn) -> Result<Json<UnreadView>, Problem> {
        let caller = signed_in.with(Permission::ReadInbox)?;
        Ok(Json(UnreadView { unread: inbox::count_unread(&app.db, caller.account_id).await? }))
    }

    /// Mark every message up to an instant as read.
    #[oai(path = "/account/messages/read-all", method = "post", operation_id = "mark_all_messages_read")]
    async fn mark_all_messages_read(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        body: Json<ReadAllBody>,
    ) -> Result<Json<MarkedView>, Problem> {
        let caller = signed_in.with(Permission::ReadInbox)?;
        let now = app.clock.now();
        let up_to = body.up_to.map_or(now, |at| at.min(now));
        Ok(Json(MarkedView { marked: inbox::mark_all_read(&app.db, &app.clock, caller.account_id, up_to).await? }))
    }

    /// The templates that the mini-program may ask the caller for, and what may still be sent by each.
    #[oai(path = "/account/subscriptions", method = "get", operation_id = "list_subscriptions")]
    async fn list_subscriptions(&self, app: Data<&App>, signed_in: SignedIn) -> Result<Json<Vec<SubscriptionView>>, Problem> {
        let caller = signed_in.with(Permission::ReadInbox)?;
        subscription_views(&app, &caller).await
    }

    /// Tell what the person chose in `wx.requestSubscribeMessage`. Each acceptance is good for one message; one act sent twice under one key counts once.
    #[oai(path = "/account/subscriptions", method = "post", operation_id = "record_subscriptions")]
    async fn record_subscriptions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Made by the client, one for each act of choosing, 8 to 128 characters
        #[oai(name = "Idempotency-Key", validator(min_length = 8, max_length = 128))]
        Header(key): Header<String>,
        body: Json<ConsentBody>,
    ) -> Result<Json<Vec<SubscriptionView>>, Problem> {
        let caller = signed_in.with(Permission::ReadInbox)?;
        let body = body.0;
        let accepted: Vec<String> = body.choices.into_iter().filter(|c| c.choice == Choice::Accept).map(|c| c.template_id).collect();
        if !accepted.is_empty() {
            if body.code.is_empty() || !body.code.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(Error::invalid("code", "接受订阅消息需要 wx.login() 的登录凭证。").into());
            }
            let openid = consents::prove_openid(&app.db, &*app.wechat, &app.data_key, caller.account_id, &body.code).await?;
            let consent = subscriptions::Consent { account: caller.account_id, openid: &openid, key: &key, accepted: &accepted };
            subscriptions::grant(&app.db, &app.clock, &app.ids, &app.field_cipher, &app.templates, consent).await?;
        }
        subscription_views(&app, &caller).await
    }

    /// Events that could not be put into an inbox and were given up, the newest first.
    #[oai(path = "/deliveries/given-up", method = "get", operation_id = "list_given_up_deliveries")]
    async fn list_given_up_deliveries(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Events on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        #[oai(validator(max_length = 1024))]
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<GivenUpPageView>, Problem> {
        signed_in.with(Permission::ReadDeliveries)?;
        let page = outbox::list_given_up(&app.db, cursor.as_deref(), limit as usize).await?.map(|e| GivenUpView {
            id: e.id,
            event: e.event,
            attempts: e.attempts,
            failure: e.failure,
            given_up_at: e.given_up_at,
        });
        Ok(Json(GivenUpPageView { items: page.items, next_cursor: page.next }))
    }

    /// Have an event that was given up delivered after all. Repeating it changes nothing.
    #[oai(path = "/deliveries/given-up/:event_id/retry", method = "post", operation_id = "retry_delivery")]
    async fn retry_delivery(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Event
        Path(event_id): Path<Uuid>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::RetryDeliveries)?;
        deliveries::retry_delivery(&app.db, &app.clock, &caller, event_id).await?;
        Ok(NothingResponse::Done)
    }

    /// Messages that WeChat did not take, the newest first; they stand in the inbox.
    #[oai(path = "/deliveries/wechat-failures", method = "get", operation_id = "list_wechat_failures")]
    async fn list_wechat_failures(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Messages on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        #[oai(validator(max_length = 1024))]
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<FailedSendPageView>, Problem> {
        signed_in.with(Permission::ReadDeliveries)?;
        let page = carrying::list_failed(&app.db, cursor.as_deref(), limit as usize).await?.map(|m| FailedSendView {
            message_id: m.message_id,
            event: m.event,
            template_id: m.template_id,
            attempts: m.attempts,
            failure: m.failure,
            ended_at: m.ended_at,
        });
        Ok(Json(FailedSendPageView { items: page.items, next_cursor: page.next }))
    }
}
