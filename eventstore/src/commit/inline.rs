//! Inline models in the committer: what they get to see of a group, and when they drop out.

use super::{Committer, plan::Plan, request::Request, session::Refusal};
use crate::{
    inline::InlineStatement,
    rows::time_of,
    types::{Payload, Recorded, StreamId},
};

impl Committer {
    /// Statements of the models for this group; `None` without models, or if they just dropped out.
    pub(super) fn inline_statements(
        &mut self,
        plan: &Plan,
        requests: &[Request],
    ) -> Option<Vec<InlineStatement>> {
        if let Some(new) = self.core.inline.take()
            && let Some(before) = self.inline.replace(new)
        {
            before.hand_back();
        }
        let inline = self.inline.as_mut()?;
        let statements = recorded(plan, requests).and_then(|group| inline.models.fold(&group));
        if statements.is_none() {
            tracing::debug!(
                position = plan.head.position,
                "inline read models do not stand before this group"
            );
            self.drop_inline();
        }
        statements
    }

    /// Tells the models what became of their statements. A transaction that their statements broke is sent again
    /// without them.
    pub(super) fn settle_inline(&mut self, answer: &Result<bool, Refusal>) {
        if let Some(inline) = &mut self.inline {
            inline.models.settle(matches!(answer, Ok(true)));
        }
        if let Err(Refusal::Inline(why)) = answer {
            tracing::warn!(why, "inline read models held up an append; it is recorded without them");
            self.drop_inline();
        }
    }

    /// They go back once the group is done with: to catch up before it is recorded would be to miss it.
    fn drop_inline(&mut self) {
        self.hand_back_inline();
        self.leaving = self.inline.take();
    }

    pub(super) fn hand_back_inline(&mut self) {
        if let Some(leaving) = self.leaving.take() {
            leaving.hand_back();
        }
    }
}

/// The group as readers will see it. `None` if a payload was sealed before anybody wanted to read it here.
fn recorded(plan: &Plan, requests: &[Request]) -> Option<Vec<Recorded>> {
    let events = requests.iter().flat_map(|request| request.events.iter().map(move |event| (request, event)));
    let rows = events.enumerate().map(|(n, (request, event))| {
        Some(Recorded {
            position: plan.positions[n],
            recorded_at: time_of(plan.recorded_at[n].timestamp_micros()).ok()?,
            stream: StreamId { category: request.stream.category, id: request.stream.id },
            version: plan.versions[n],
            event_id: event.event_id,
            type_name: event.type_name.clone(),
            schema_version: u16::try_from(event.schema_version).ok()?,
            key_id: plan.key_ids[n],
            meta: request.meta,
            payload: Payload::Open(event.clear()?.to_vec()),
            chain: plan.chains[n],
        })
    });
    rows.collect()
}
