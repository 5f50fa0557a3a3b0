//! Words for what a new guest is made from: templates, container images, ISO files.

use super::attr::{Attribute, What};
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::GuestKind;

impl Reader<'_> {
    pub(super) fn images(&mut self, from: usize, to: usize, kind: GuestKind, found: &mut Vec<Attribute>) {
        let images = match kind {
            GuestKind::Vm => &self.facts.house.images.vm,
            GuestKind::Container => &self.facts.house.images.container,
        };
        let mut i = from;
        while i < to {
            if !self.free(i) || !self.toks.get(i).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
            {
                i += 1;
                continue;
            }
            let low = self.low(i).to_owned();
            if self.is(i, &["template"])
                || (self.is(i, &["image"]) && self.toks.get(i + 1).is_some_and(|t| t.number.is_some()))
            {
                let at = if self.is(i + 1, &["id", "number", "vm", "no"]) || self.mark(i + 1, "#:") {
                    i + 2
                } else {
                    i + 1
                };
                if let Some(n) = self.toks.get(at).filter(|_| at < to).and_then(|t| t.number) {
                    let hit =
                        images.iter().find(|(_, image)| image.vmid.is_some_and(|id| f64::from(id) == n));
                    let what = hit.map_or_else(
                        || What::UnknownImage(format!("template {n}")),
                        |(name, _)| What::Image(name.clone()),
                    );
                    self.take(found, i, at + 1, what);
                    i = at + 1;
                    continue;
                }
            }
            if low.ends_with(".iso") {
                let hit = self.facts.isos.keys().find(|iso| iso.to_lowercase() == low).cloned();
                self.take(found, i, i + 1, hit.map_or(What::UnknownImage(low.clone()), What::Iso));
                i += 1;
                continue;
            }
            // The longest written form of a known image.
            let best = images
                .iter()
                .flat_map(|(name, image)| {
                    std::iter::once(name).chain(&image.aliases).map(move |form| (name, form))
                })
                .filter_map(|(name, form)| self.written(i, to, form).map(|end| (end, name.clone())))
                .max_by_key(|(end, _)| *end);
            let is_system = lexicon::SYSTEMS.contains(&low.as_str());
            if let Some((end, name)) = best.filter(|(end, _)| !self.other_version(*end, to)) {
                let lts = if self.is(end, &["lts"]) { end + 1 } else { end };
                self.take(found, i, lts, What::Image(name));
                i = lts;
                continue;
            }
            let end = self.version_end(i + 1, to);
            if is_system || self.alias_anywhere(&low) {
                let version: Vec<String> = (i + 1..end).map(|at| self.low(at).to_owned()).collect();
                // An installer is no image: it is taken where the text says so, or where nothing else can be.
                let installer = low == "windows"
                    || self.has(
                        (from, to),
                        &["iso", "installer", "install disc", "install media", "netinst", "cd"],
                    );
                let iso =
                    (kind == GuestKind::Vm && installer).then(|| self.iso_for(&low, &version)).flatten();
                let words = self.words(i, end).to_owned();
                // `Debian 12` again after it was said once is no second image.
                self.take(found, i, end, iso.map_or(What::UnknownImage(words), What::Iso));
            } else if kind == GuestKind::Vm
                && low.len() >= 5
                && self.has((from, to), &["iso"])
                && !lexicon::is_common(&low)
            {
                if let Some(iso) = self.iso_for(&low, &[]) {
                    self.take(found, i, end, What::Iso(iso));
                }
            }
            i = end.max(i + 1);
        }
    }

    /// The end of the form if it stands at token `i`, written together or apart.
    pub(super) fn written(&self, i: usize, to: usize, form: &str) -> Option<usize> {
        let form = form.to_lowercase();
        if self.low(i) == form {
            return Some(i + 1);
        }
        let parts: Vec<&str> = form.split([' ', '-']).collect();
        let fits = parts
            .iter()
            .enumerate()
            .all(|(n, part)| self.low(i + n) == *part || self.raw(i + n).to_lowercase() == *part);
        if fits && i + parts.len() <= to && parts.len() > 1 {
            return Some(i + parts.len());
        }
        // Part of a version: Ubuntu 24 for ubuntu-24.04; `Rocky Linux 9` for rocky-9.
        let (head, version) = form.rsplit_once('-')?;
        if self.low(i) == head
            && self.is(i + 1, &["linux", "server", "gnu/linux"])
            && i + 3 <= to
            && !lexicon::is_unit(self.low(i + 3))
            && (self.raw(i + 2) == version
                || version.strip_prefix(self.raw(i + 2)).is_some_and(|r| r.starts_with('.')))
            && !self.raw(i + 2).is_empty()
        {
            return Some(i + 3);
        }
        let said = self.raw(i + 1);
        let near = self.low(i) == head
            && version.starts_with(said)
            && !said.is_empty()
            && version.get(said.len()..).is_some_and(|r| r.starts_with('.'));
        (near && i + 2 <= to && !lexicon::is_unit(self.low(i + 2))).then_some(i + 2)
    }

    /// A number behind a system's name that is its version and not a count.
    pub(super) fn version_end(&self, at: usize, to: usize) -> usize {
        let mut end = at;
        while end < to
            && self.is(end, &["server", "linux", "pro", "core"])
            && self.toks.get(end + 1).is_some_and(|t| t.number.is_some())
        {
            end += 1;
        }
        let version = self.toks.get(end).filter(|t| end < to && t.number.is_some());
        let counted = lexicon::is_unit(self.low(end + 1))
            || lexicon::noun(self.low(end + 1)).is_some()
                && self.toks.get(end).is_some_and(|t| t.number.is_some_and(|n| n < 5.0));
        if version.is_some() && !counted { end + 1 } else { at }
    }

    pub(super) fn other_version(&self, end: usize, to: usize) -> bool {
        let after = self.version_end(end, to);
        let full = self
            .toks
            .get(end.saturating_sub(1))
            .is_some_and(|t| t.number.is_some() || t.raw.contains(|c: char| c.is_ascii_digit()));
        after > end && !full
    }

    pub(super) fn alias_anywhere(&self, word: &str) -> bool {
        let house = &self.facts.house.images;
        house.vm.iter().chain(&house.container).any(|(name, image)| {
            name.split('-').next() == Some(word)
                || image.aliases.iter().any(|alias| alias.to_lowercase() == word)
        })
    }

    pub fn iso_for(&self, word: &str, version: &[String]) -> Option<String> {
        let stem = if word == "windows" { "win" } else { word };
        let mut fit = self.facts.isos.keys().filter(|iso| {
            let low = iso.to_lowercase();
            let rest = low
                .strip_prefix(stem)
                .filter(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()) || word != "windows");
            rest.is_some_and(|rest| {
                version
                    .iter()
                    .filter(|v| v.starts_with(|c: char| c.is_ascii_digit()))
                    .all(|v| rest.contains(v.as_str()))
            })
        });
        let first = fit.next()?;
        fit.next().is_none().then(|| first.clone())
    }
}
