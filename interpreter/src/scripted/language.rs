//! Which language a text is in, as far as it matters: English or not.

use super::attr::{Attribute, What};
use super::create::{self, Count, Head, Turn, count_in, legal_name, name_range, range_in_word, simple};
use super::draft::{self, Draft, Entry, GuestDraft};
use super::mention::{Meant, Mention};
use super::naming::Named;
use super::quantity::{self, Bound, Quantity, Role};
use super::reader::{Focus, Reader, guest_kind};
use super::token::Kind;
use super::{lexicon, loss};
use domain::facts::{Facts, Guest};
use domain::ids::Vmid;
use domain::interpretation::{
    BackupWish, Change, DiskWish, GuestChange, GuestKind, GuestWish, Interpretation, KubernetesWish, Label,
    Mount, Move, Placement, PlacementRule, PoolWish, Power, Question, QuestionAbout, Refusal, RefusalReason,
    SnapshotWish, Span, StorageWish, Unused, Warning, WarningAbout,
};

impl Reader<'_> {
    /// False if the text is in another language: more of its words are of one than are English.
    pub fn speaks_english(&self) -> bool {
        const ENGLISH: &[&str] = &[
            "the", "a", "and", "with", "of", "to", "on", "for", "is", "it", "in", "an", "at", "from", "give",
            "create", "make", "add", "set", "please", "each", "called", "named", "all", "my", "new",
            "should", "one", "two", "three", "no", "not", "be", "want", "need", "i", "memory", "disk",
            "cores", "core", "start", "stop", "put", "move", "delete", "by", "as", "us", "this", "that",
        ];
        const OTHERS: &[&str] = &[
            "und",
            "mit",
            "für",
            "fuer",
            "der",
            "die",
            "das",
            "ein",
            "eine",
            "einen",
            "einer",
            "auf",
            "bitte",
            "je",
            "ich",
            "nicht",
            "zwei",
            "drei",
            "vier",
            "fünf",
            "soll",
            "sollen",
            "namens",
            "kerne",
            "kernen",
            "speicher",
            "festplatte",
            "mir",
            "den",
            "dem",
            "von",
            "zum",
            "zur",
            "gib",
            "lösche",
            "erstelle",
            "statt",
            "arbeitsspeicher",
            "heißt",
            "brauche",
            "kern",
            "jeweils",
            "alle",
            "sowie",
            "wird",
            "jede",
            "une",
            "un",
            "avec",
            "de",
            "et",
            "la",
            "le",
            "les",
            "des",
            "appelée",
            "appelé",
            "deux",
            "trois",
            "cœurs",
            "mémoire",
            "disque",
            "pour",
            "dans",
            "sur",
            "chacune",
            "chacun",
            "go",
            "s'il",
            "crée",
            "créer",
            "nommée",
            "mets",
            "ajoute",
            "du",
            "au",
            "supprime",
            "je",
            "veux",
            "con",
            "y",
            "una",
            "dos",
            "tres",
            "para",
            "el",
            "los",
            "memoria",
            "llamada",
            "llamado",
            "núcleos",
            "disco",
            "por",
            "crea",
            "crear",
            "cada",
            "quiero",
            "necesito",
            "máquina",
            "servidor",
            "en",
            "elimina",
            "borra",
            "e",
            "due",
            "tre",
            "di",
            "per",
            "chiamata",
            "chiamato",
            "macchina",
            "ciascuna",
            "voglio",
            "il",
            "della",
            "server-virtuale",
            "een",
            "met",
            "en",
            "twee",
            "drie",
            "voor",
            "geheugen",
            "genaamd",
            "maak",
            "graag",
            "het",
            "van",
            "schijf",
            "op",
            "com",
            "uma",
            "dois",
            "duas",
            "três",
            "chamada",
            "memória",
            "núcleos",
            "cria",
            "och",
            "med",
            "två",
            "minne",
            "som",
            "heter",
            "skapa",
            "i",
            "z",
            "dla",
            "oraz",
            "utwórz",
            "pamięci",
            "rdzenie",
        ];
        let words: Vec<&str> =
            self.toks.iter().filter(|t| t.kind == Kind::Word).map(|t| t.low.as_str()).collect();
        let count = |set: &[&str]| words.iter().filter(|w| set.contains(w)).count();
        let foreign_letters = self
            .toks
            .iter()
            .filter(|t| t.kind == Kind::Word && t.low.chars().any(|c| c.is_alphabetic() && !c.is_ascii()))
            .count();
        let (english, other) = (count(ENGLISH), count(OTHERS));
        let latin = self.text.chars().filter(|c| c.is_ascii_alphabetic()).count();
        let script = self.text.chars().filter(|c| c.is_alphabetic() && !c.is_ascii()).count();
        !(script > latin
            || (other >= 2 && other > english)
            || (foreign_letters >= 1 && other >= 1 && other >= english))
    }
}
