//! Fields of plain forms, so that a page with many small forms need not write each of them by hand. Shown by `forms.html`.

use std::collections::HashMap;

use super::staff_accounts::Choosable;
use crate::error::Error;

/// One field of a form.
#[derive(Clone, Debug, Default)]
pub struct FormField {
    /// Unique on the page.
    pub id: String,
    /// Name under which it is sent.
    pub name: &'static str,
    /// Words beside it.
    pub label: &'static str,
    /// What stands in it; of a tick, `1` when it is set.
    pub value: String,
    /// `line`, `lines`, `day`, `number`, `tel`, `choice` or `tick`.
    pub kind: &'static str,
    /// What may be chosen.
    pub options: Vec<Choosable>,
    /// Whether it must be filled in.
    pub is_required: bool,
    /// Most characters; 0: no limit of its own.
    pub most: usize,
    /// What helps with it.
    pub hint: &'static str,
    /// What is wrong with it.
    pub problem: Option<String>,
}

impl FormField {
    /// Ids of what is said beside it.
    pub fn described(&self) -> String {
        let mut ids = Vec::new();
        if !self.hint.is_empty() {
            ids.push(format!("{}-hint", self.id));
        }
        if self.problem.is_some() {
            ids.push(format!("{}-wrong", self.id));
        }
        ids.join(" ")
    }
}

/// What somebody sent with one of the forms of a page, and why it was not taken: the form comes back as it was filled in.
#[derive(Debug)]
pub struct Refused {
    /// Name of the form on the page.
    pub form: String,
    /// Its values.
    pub values: HashMap<String, String>,
    /// Why.
    pub error: Error,
}

/// Makes the fields of one form: what was typed stands in them when the form comes back, else what is held.
pub struct Fields<'a> {
    form: String,
    refused: Option<&'a Refused>,
    made: Vec<FormField>,
}

impl<'a> Fields<'a> {
    /// The fields of the form of a name.
    pub fn of(form: impl Into<String>, refused: Option<&'a Refused>) -> Fields<'a> {
        let form = form.into();
        let refused = refused.filter(|refused| refused.form == form);
        Fields { form, refused, made: Vec::new() }
    }

    fn add(mut self, kind: &'static str, name: &'static str, label: &'static str, held: &str) -> Self {
        let value = match self.refused {
            // A tick that is not set is not sent.
            Some(refused) => refused.values.get(name).cloned().unwrap_or_default(),
            None => held.to_owned(),
        };
        let problem = self.refused.and_then(|r| r.error.fields.iter().find(|f| f.field == name)).map(|f| f.message.clone());
        self.made.push(FormField { id: format!("{}-{name}", self.form), name, label, value, kind, problem, ..FormField::default() });
        self
    }

    /// One line.
    pub fn line(self, name: &'static str, label: &'static str, held: &str) -> Self {
        self.add("line", name, label, held).most(200)
    }

    /// Several lines.
    pub fn lines(self, name: &'static str, label: &'static str, held: &str) -> Self {
        self.add("lines", name, label, held).most(4_000)
    }

    /// A day.
    pub fn day(self, name: &'static str, label: &'static str, held: &str) -> Self {
        self.add("day", name, label, held)
    }

    /// A telephone number.
    pub fn tel(self, name: &'static str, label: &'static str, held: &str) -> Self {
        self.add("tel", name, label, held).most(50)
    }

    /// A tick.
    pub fn tick(self, name: &'static str, label: &'static str, held: bool) -> Self {
        self.add("tick", name, label, if held { "1" } else { "" })
    }

    /// One of several values with their words.
    pub fn choice(self, name: &'static str, label: &'static str, options: impl IntoIterator<Item = (String, String)>, held: &str) -> Self {
        let mut fields = self.add("choice", name, label, held);
        if let Some(field) = fields.made.last_mut() {
            let chosen = field.value.clone();
            field.options = options.into_iter().map(|(value, text)| Choosable { is_chosen: value == chosen, value, text }).collect();
        }
        fields
    }

    /// The last field must be filled in.
    pub fn required(mut self) -> Self {
        if let Some(field) = self.made.last_mut() {
            field.is_required = true;
        }
        self
    }

    /// Most characters of the last field.
    pub fn most(mut self, characters: usize) -> Self {
        if let Some(field) = self.made.last_mut() {
            field.most = characters;
        }
        self
    }

    /// What helps with the last field.
    pub fn hint(mut self, words: &'static str) -> Self {
        if let Some(field) = self.made.last_mut() {
            field.hint = words;
        }
        self
    }

    /// The form.
    pub fn done(self) -> PlainForm {
        let is_placed = self.made.iter().any(|field| field.problem.is_some());
        let problem = self.refused.filter(|_| !is_placed).map(|r| r.error.detail.clone());
        PlainForm { is_open: self.refused.is_some(), fields: self.made, problem }
    }
}

/// A form of plain fields.
#[derive(Clone, Debug, Default)]
pub struct PlainForm {
    /// Fields.
    pub fields: Vec<FormField>,
    /// What is wrong with it as a whole.
    pub problem: Option<String>,
    /// Whether it came back and therefore stands open.
    pub is_open: bool,
}
