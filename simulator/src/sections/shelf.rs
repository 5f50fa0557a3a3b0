//! Lists of entries with an id whose calls all work alike: list, read, add, change, remove.
//!
//! Begin with [`Shelf`]: one value describes one such list, with the server's own texts.

use super::{Entry, typed};
use crate::api::{Call, Fail, Reply, words};
use crate::state::{World, sha1_hex};
use serde_json::{Value, json};

/// One list of entries. In texts `{id}` stands for the id.
pub struct Shelf {
    /// Key in [`super::Sections`].
    pub kind: &'static str,
    /// Path of the list.
    pub list: &'static str,
    /// Name of the parameter that carries the id.
    pub id: &'static str,
    pub exists: &'static str,
    pub absent: &'static str,
    /// What stands before errors of adding, changing and removing, where something does.
    pub failed: [&'static str; 3],
    /// Options that are added when they were not said.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Entries say the digest of their list when they are read.
    pub digest: bool,
}

/// What a change of one entry may still refuse, given the world before the change.
pub type Guard = fn(&Call, &World, &str, Option<&Entry>) -> Result<(), Fail>;

/// Parameters that are no options.
const CONTROL: &[&str] = &["digest", "delete", "node", "vmid", "force", "lock-token"];

impl Shelf {
    fn item(&self) -> String {
        format!("{}/{{{}}}", self.list, self.id)
    }

    /// Is this call one of the list's or of its entries'?
    pub fn covers(&self, template: &str) -> bool {
        template == self.list || template == self.item()
    }

    fn text(&self, text: &str, id: &str, failed: usize) -> Fail {
        let text = text.replace("{id}", id);
        match self.failed[failed] {
            "" => Fail::text(text),
            prefix => Fail::text(format!("{prefix}: {text}")),
        }
    }

    fn entries<'w>(&self, world: &'w World) -> impl Iterator<Item = (&'w String, &'w Entry)> {
        world.sections.get(self.kind).into_iter().flatten()
    }

    /// Digest of the whole list.
    pub fn sum(&self, world: &World) -> String {
        sha1_hex(&format!("{:?}", self.entries(world).collect::<Vec<_>>()))
    }

    /// An entry as it is read.
    pub fn shown(&self, call: &Call, world: &World, id: &str, entry: &Entry) -> Value {
        let mut out = json!({self.id: id});
        for (key, value) in entry {
            let listed = call.contract().method("POST", self.list).is_some();
            let place = if listed { self.list.to_owned() } else { self.item() };
            out[key] = typed(call, "POST", &place, key, value);
        }
        if self.digest {
            out["digest"] = json!(self.sum(world));
        }
        out
    }

    /// Carries out a call that [`Shelf::covers`].
    pub fn handle(&self, call: &Call, guard: Guard) -> Result<Reply, Fail> {
        let mut world = call.engine.world();
        let id = call.text(self.id).unwrap_or_default().to_owned();
        if call.template == self.list {
            if call.verb == "GET" {
                let wanted = call.text("type");
                let list: Vec<Value> = self
                    .entries(&world)
                    .filter(|(_, e)| wanted.is_none_or(|t| e.get("type").is_some_and(|own| own == t)))
                    .map(|(id, entry)| self.shown(call, &world, id, entry))
                    .collect();
                return Ok(Reply::data(json!(list)));
            }
            return self.add(call, &mut world, id, guard);
        }
        // Some lists are added to by the path of the new entry.
        if call.verb == "POST" {
            return self.add(call, &mut world, id, guard);
        }
        let Some(entry) = world.sections.get(self.kind).and_then(|s| s.get(&id)).cloned() else {
            return Err(match call.verb.as_str() {
                "PUT" => self.text(self.absent, &id, 1),
                "DELETE" => self.text(self.absent, &id, 2),
                _ => Fail::text(self.absent.replace("{id}", &id)),
            });
        };
        match call.verb.as_str() {
            "GET" => Ok(Reply::data(self.shown(call, &world, &id, &entry))),
            "DELETE" => {
                guard(call, &world, &id, None).map_err(|f| self.wrapped(f, 2))?;
                if let Some(shelf) = world.sections.get_mut(self.kind) {
                    shelf.remove(&id);
                }
                Ok(Reply::null())
            }
            _ => self.change(call, &mut world, &id, entry, guard),
        }
    }

    fn wrapped(&self, fail: Fail, failed: usize) -> Fail {
        match (self.failed[failed], fail.status) {
            ("", _) => fail,
            (prefix, 500) => Fail { message: format!("{prefix}: {}", fail.message), ..fail },
            _ => fail,
        }
    }

    fn add(&self, call: &Call, world: &mut World, id: String, guard: Guard) -> Result<Reply, Fail> {
        if world.sections.get(self.kind).is_some_and(|s| s.contains_key(&id)) {
            return Err(self.text(self.exists, &id, 0));
        }
        let mut entry: Entry =
            self.defaults.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        take(call, self.id, &mut entry);
        guard(call, world, &id, Some(&entry)).map_err(|f| self.wrapped(f, 0))?;
        world.sections.entry(self.kind.to_owned()).or_default().insert(id, entry);
        Ok(Reply::null())
    }

    fn change(
        &self,
        call: &Call,
        world: &mut World,
        id: &str,
        mut entry: Entry,
        guard: Guard,
    ) -> Result<Reply, Fail> {
        if call.text("digest").is_some_and(|d| d != self.sum(world)) {
            let text = "detected modified configuration - file changed by other user? Try again.";
            return Err(self.text(text, id, 1));
        }
        for key in words(call, "delete") {
            let known = call.contract().method("PUT", &self.item()).is_some_and(|m| m.param(&key).is_some());
            if !known {
                return Err(self.text(&format!("no such option '{key}'"), id, 1));
            }
            entry.remove(&key);
        }
        take(call, self.id, &mut entry);
        guard(call, world, id, Some(&entry)).map_err(|f| self.wrapped(f, 1))?;
        world.sections.entry(self.kind.to_owned()).or_default().insert(id.to_owned(), entry);
        Ok(Reply::null())
    }
}

/// Takes the options out of the parameters.
pub fn take(call: &Call, id: &str, entry: &mut Entry) {
    for (key, value) in &call.params {
        if key == id || CONTROL.contains(&key.as_str()) {
            continue;
        }
        let text = match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        entry.insert(key.clone(), text);
    }
}

/// Nothing more to refuse.
pub fn free(_: &Call, _: &World, _: &str, _: Option<&Entry>) -> Result<(), Fail> {
    Ok(())
}
