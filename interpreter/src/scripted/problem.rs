//! Words that name something that is not there, or not clear: the question or refusal for each.

use super::attr::What;
use super::reader::Reader;
use domain::facts::Facts;
use domain::interpretation::{QuestionAbout, RefusalReason, Span};

impl Reader<'_> {
    pub fn problem(&mut self, what: &What, span: Span) {
        let facts: &Facts = self.facts;
        match what {
            What::UnknownImage(words) => {
                let mut options: Vec<String> = facts
                    .house
                    .images
                    .vm
                    .keys()
                    .chain(facts.house.images.container.keys())
                    .cloned()
                    .collect();
                options.dedup();
                self.draft.ask(
                    QuestionAbout::WhichImage,
                    format!(
                        "There is no template, container image or ISO for {words}. Which one shall it be?"
                    ),
                    options,
                    Some(span),
                );
            }
            What::UnknownStorage(name) => {
                let options = facts.storages.keys().cloned().collect();
                self.draft.ask(
                    QuestionAbout::WhichStorage,
                    format!("There is no storage {name}. Which storage is meant?"),
                    options,
                    Some(span),
                );
            }
            What::SeveralStorages(ids) => {
                self.draft.ask(
                    QuestionAbout::WhichStorage,
                    "These words fit several storages. Which one is meant?",
                    ids.clone(),
                    Some(span),
                );
            }
            What::UnknownNode(name) => {
                let options =
                    facts.nodes.iter().filter(|(_, n)| n.online).map(|(name, _)| name.clone()).collect();
                let why = if facts.nodes.contains_key(name) { "is offline" } else { "is not known" };
                self.draft.ask(
                    QuestionAbout::WhichNode,
                    format!("The node {name} {why}. Which node shall it be?"),
                    options,
                    Some(span),
                );
            }
            What::NotNode(name) => {
                let options: Vec<String> = facts
                    .nodes
                    .iter()
                    .filter(|(other, n)| n.online && *other != name)
                    .map(|(other, _)| other.clone())
                    .collect();
                self.draft.ask(
                    QuestionAbout::WhichNode,
                    format!("Not on {name}: which node shall it be?"),
                    options,
                    Some(span),
                );
            }
            What::UnknownVlan(name) => {
                let options = facts
                    .house
                    .vlans
                    .iter()
                    .map(|(tag, vlan)| format!("VLAN {tag} ({})", vlan.name))
                    .collect();
                self.draft.ask(
                    QuestionAbout::WhichNetwork,
                    format!("There is no network {name} here. Which network is meant?"),
                    options,
                    Some(span),
                );
            }
            What::BadVlan => {
                self.draft.refuse_all(
                    RefusalReason::InvalidValue,
                    "A VLAN has a number from 1 to 4094.",
                    Some(span),
                );
            }
            What::BadAddress(words) => {
                self.draft.ask(
                    QuestionAbout::WhatAddress,
                    format!("{words} is not an IPv4 address. Which address is meant?"),
                    vec![],
                    Some(span),
                );
            }
            What::Privileged => {
                self.draft.refuse_all(
                    RefusalReason::Unsupported,
                    "Privileged containers are refused by policy. An unprivileged one would work.",
                    Some(span),
                );
            }
            What::VagueSize => {
                self.draft.ask(
                    QuestionAbout::WhatSize,
                    "How much shall it be, in GB or cores?",
                    vec![],
                    Some(span),
                );
            }
            _ => self.heard.push(span),
        }
    }
}
