//! Rules, the freeze switch, and looking at the repository now.

use super::done;
use crate::app::App;
use crate::error::HttpError;
use crate::pages::draw_with;
use crate::pages::settings::rules_page;
use crate::security::gate::Fields;
use crate::security::proof::{Admin, Key};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::decider::Decider;
use domain::drift::Choice;
use domain::ids::{CLUSTER, REPOSITORY, SETTINGS};
use domain::limits::NOTE_CHARS_MAX;
use domain::settings::{Command, Limits, Rules, Settings};
use domain::{cluster, repository};
use eventstore::Category;
use web::pages::settings::RulesForm;

/// Names of protected guests that are kept.
const PROTECTED_MAX: usize = 500;

/// The rules as typed, or what is wrong with them.
fn read(form: &RulesForm, before: &Rules) -> Result<Rules, String> {
    let number =
        |text: &str, what: &str| text.trim().parse::<u32>().map_err(|_| format!("{what} is no number."));
    let protected: Vec<String> =
        form.protected.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if protected.len() > PROTECTED_MAX || protected.iter().any(|name| name.chars().count() > 64) {
        return Err(format!("Up to {PROTECTED_MAX} protected guests, with names of up to 64 characters."));
    }
    Ok(Rules {
        vmid_first: number(&form.vmid_first, "The first VMID")?,
        vmid_last: number(&form.vmid_last, "The last VMID")?,
        protected,
        poll_interval_s: number(&form.poll_interval_s, "The interval of the repository")?,
        observe_interval_s: number(&form.observe_interval_s, "The interval of the cluster")?,
        drift: match form.drift.as_str() {
            // A form without the field leaves it as it was.
            "" => before.drift,
            word => Choice::named(word).ok_or("Say report, ask or heal about drift.")?,
        },
        house: before.house.clone(),
        limits: limits(form)?,
    })
}

/// The limits as typed: a list has one entry a line, an empty field is no limit.
fn limits(form: &RulesForm) -> Result<Limits, String> {
    let list = |text: &str| -> Vec<String> {
        text.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    };
    let max = |text: &str, what: &str| match text.trim() {
        "" => Ok(None),
        text => text
            .parse::<u32>()
            .map(Some)
            .map_err(|_| format!("{what} is no number; leave it empty for none.")),
    };
    let vlan =
        |entry: &String| entry.parse::<u16>().map_err(|_| format!("{entry} is no VLAN; 0 means untagged."));
    Ok(Limits {
        nodes: list(&form.nodes),
        storages: list(&form.storages),
        vlans: list(&form.vlans).iter().map(vlan).collect::<Result<_, _>>()?,
        addresses: list(&form.addresses).iter().map(|entry| entry.parse()).collect::<Result<_, String>>()?,
        guests_max: max(&form.guests_max, "The number of guests")?,
        cores_max: max(&form.cores_max, "The number of cores")?,
        memory_mib_max: max(&form.memory_gib_max, "The memory")?.map(|gib| u64::from(gib) * 1024),
        disk_gib_max: max(&form.disk_gib_max, "The disk space")?.map(u64::from),
        destroys_max: max(&form.destroys_max, "The number of destroyed guests")?,
        own_plans: list(&form.own_plans),
        linked_clones: form.linked_clones,
    })
}

/// `POST /settings/rules`
pub async fn rules(
    State(app): State<App>,
    me: Admin,
    key: Key,
    fields: Fields,
) -> Result<Response, HttpError> {
    let form = RulesForm {
        vmid_first: fields.get("vmid_first").to_owned(),
        vmid_last: fields.get("vmid_last").to_owned(),
        protected: fields.text("protected"),
        poll_interval_s: fields.get("poll_interval_s").to_owned(),
        observe_interval_s: fields.get("observe_interval_s").to_owned(),
        drift: fields.get("drift").to_owned(),
        nodes: fields.text("nodes"),
        storages: fields.text("storages"),
        vlans: fields.text("vlans"),
        addresses: fields.text("addresses"),
        guests_max: fields.get("guests_max").to_owned(),
        cores_max: fields.get("cores_max").to_owned(),
        memory_gib_max: fields.get("memory_gib_max").to_owned(),
        disk_gib_max: fields.get("disk_gib_max").to_owned(),
        destroys_max: fields.get("destroys_max").to_owned(),
        own_plans: fields.text("own_plans"),
        linked_clones: fields.get("linked_clones") == "1",
    };
    let state: Settings = app.load(Category::Settings, SETTINGS).await?;
    let Some(before) = &state.rules else {
        return Err(HttpError::invalid(
            "no rules are set yet; `mycopod config rules --set FILE` sets the first ones",
        ));
    };
    let by = Some(me.actor());
    let command = |rules| Command::SetRules { rules: Box::new(rules), by };
    let read = read(&form, before).and_then(|rules| match state.decide(command(rules.clone())) {
        Ok(_) => Ok(rules),
        Err(refusal) => Err(web::words::sentence(&format!("{refusal}."))),
    });
    match read {
        Err(why) => draw_with(
            StatusCode::UNPROCESSABLE_ENTITY,
            &rules_page(&app, &me, None, Some((form, why))).await?,
        ),
        Ok(rules) => {
            let actor = Some(me.actor().id.0);
            let handled = app
                .command::<Settings>(
                    Category::Settings,
                    SETTINGS,
                    command(rules),
                    actor,
                    Some(key.of("rules")),
                )
                .await?;
            Ok(done("/settings/rules", handled.position).into_response())
        }
    }
}

async fn on_cluster(
    app: &App,
    me: &Admin,
    name: &str,
    key: Key,
    command: cluster::Command,
) -> Result<Redirect, HttpError> {
    let actor = Some(me.actor().id.0);
    let handled = app
        .command::<cluster::Cluster>(Category::Cluster, CLUSTER, command, actor, Some(key.of(name)))
        .await?;
    Ok(done("/settings/rules", handled.position))
}

/// `POST /settings/freeze`: no changing call leaves from now on.
pub async fn freeze(
    State(app): State<App>,
    me: Admin,
    key: Key,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let reason = fields.get("reason").trim().to_owned();
    if reason.chars().count() > NOTE_CHARS_MAX {
        return Err(HttpError::invalid(format!("the reason may have up to {NOTE_CHARS_MAX} characters"))
            .typed(reason));
    }
    on_cluster(&app, &me, "freeze", key, cluster::Command::Freeze { by: Some(me.actor()), reason }).await
}

/// `POST /settings/thaw`
pub async fn thaw(State(app): State<App>, me: Admin, key: Key) -> Result<Redirect, HttpError> {
    on_cluster(&app, &me, "thaw", key, cluster::Command::Thaw { by: Some(me.actor()) }).await
}

/// `POST /settings/refresh`: the Agent looks at the repository now.
pub async fn refresh(State(app): State<App>, me: Admin, key: Key) -> Result<Redirect, HttpError> {
    let command = repository::Command::Refresh { by: me.actor().id };
    let actor = Some(me.actor().id.0);
    let handled = app
        .command::<repository::Repository>(
            Category::Repository,
            REPOSITORY,
            command,
            actor,
            Some(key.of("refresh")),
        )
        .await?;
    Ok(done("/settings/rules", handled.position))
}
