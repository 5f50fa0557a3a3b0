//! Plans: one row each, as proposed, by declaration and number.

use crate::fold::{Known, Poison, Projection, Rows};
use crate::model::PlanRow;
use domain::declaration::Event;
use domain::event::{AnyEvent, Category};
use domain::ids::DeclarationId;

pub struct Plans;

pub fn key(declaration: DeclarationId, no: u32) -> String {
    format!("{declaration}/{no}")
}

impl Projection for Plans {
    fn name(&self) -> &'static str {
        "plans"
    }

    fn version(&self) -> i32 {
        2
    }

    fn purpose(&self) -> &'static str {
        "plans exactly as they were proposed"
    }

    fn folds(&self, category: Category, type_name: &str) -> bool {
        category == Category::Declaration
            && ["declaration.plan_proposed", "declaration.prediction_scored"].contains(&type_name)
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        match &event.event {
            Some(AnyEvent::Declaration(Event::PlanProposed { plan, .. })) => {
                vec![key(plan.declaration, plan.number)]
            }
            Some(AnyEvent::Declaration(Event::PredictionScored { number, .. })) => {
                vec![key(DeclarationId(event.id), *number)]
            }
            _ => vec![],
        }
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        if let Some(AnyEvent::Declaration(Event::PredictionScored { number, score, .. })) = &event.event {
            let key = key(DeclarationId(event.id), *number);
            let Some(mut row) = rows.get::<PlanRow>(&key)? else { return Ok(()) };
            row.score = Some(score.clone());
            let order = row.position;
            return rows.put(&key, order, row);
        }
        let Some(AnyEvent::Declaration(Event::PlanProposed { plan, digest, .. })) = &event.event else {
            return Ok(());
        };
        let row = PlanRow {
            declaration: plan.declaration,
            no: plan.number,
            digest: digest.clone(),
            plan: (**plan).clone(),
            proposed_at: event.at,
            position: event.position,
            score: None,
        };
        rows.put(&key(plan.declaration, plan.number), event.position, row)
    }
}
