//! Specs to texts: what every command that needs a checked plan goes through.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::diagnostics::Diagnostics;
use crate::emit;
use crate::output::Files;
use crate::plan::{CheckedPlan, Facts};
use crate::sources::Sources;
use crate::spec::{self, Platform};

/// The specs, with blocks and platforms read; every model is checked once, however many files are made of it.
pub(super) struct Workshop<'a> {
    pub(super) sources: &'a Sources,
    pub(super) facts: Facts,
    plans: RefCell<HashMap<String, Result<Rc<CheckedPlan>, Diagnostics>>>,
    lacking: RefCell<HashMap<(String, String), Diagnostics>>,
}

impl<'a> Workshop<'a> {
    /// Reads blocks and platforms.
    ///
    /// **Errors** what is wrong with them, and with the text of every model: names are not looked up in half a library.
    pub(super) fn open(sources: &'a Sources) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let facts = Facts::load(sources, &mut diagnostics);
        if diagnostics.is_empty() {
            return Ok(Self { sources, facts, plans: RefCell::default(), lacking: RefCell::default() });
        }
        for family in spec::models(sources) {
            spec::model(family, sources, &mut diagnostics);
        }
        Err(diagnostics)
    }

    /// The platform of this name; selections hold known ones alone.
    pub(super) fn platform(&self, name: &str) -> Option<&Platform> {
        self.facts.platforms.iter().find(|platform| platform.name.value == name)
    }

    /// Models, each checked against every platform named.
    ///
    /// **Errors** all that is wrong with any of them.
    pub(super) fn checked(&self, models: &[String], platforms: &[String]) -> Result<Vec<Rc<CheckedPlan>>, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut plans = Vec::new();
        for model in models {
            match self.plan(model) {
                Ok(plan) => {
                    platforms
                        .iter()
                        .filter_map(|name| self.platform(name))
                        .for_each(|platform| diagnostics.extend(self.lacks(&plan, platform)));
                    plans.push(plan);
                }
                Err(found) => diagnostics.extend(found),
            }
        }
        if diagnostics.is_empty() { Ok(plans) } else { Err(diagnostics) }
    }

    fn plan(&self, model: &str) -> Result<Rc<CheckedPlan>, Diagnostics> {
        let check = || {
            let mut diagnostics = Diagnostics::default();
            let plan = CheckedPlan::new(model, self.sources, &self.facts, &mut diagnostics);
            plan.filter(|_| diagnostics.is_empty()).map(Rc::new).ok_or(diagnostics)
        };
        self.plans.borrow_mut().entry(model.to_owned()).or_insert_with(check).clone()
    }

    fn lacks(&self, plan: &CheckedPlan, platform: &Platform) -> Diagnostics {
        let check = || {
            let mut diagnostics = Diagnostics::default();
            plan.check_platform(platform, &mut diagnostics);
            diagnostics
        };
        let key = (plan.family().to_owned(), platform.name.value.clone());
        self.lacking.borrow_mut().entry(key).or_insert_with(check).clone()
    }

    /// A skillset for these platforms.
    pub(super) fn skillset(&self, plan: &CheckedPlan, platforms: &[&str], cross_platform: bool) -> String {
        emit::skillset(plan, &self.platforms(platforms), cross_platform, self.sources)
    }

    /// The tests on these platforms.
    pub(super) fn test(&self, plan: &CheckedPlan, platforms: &[&str]) -> String {
        emit::test(plan, &self.platforms(platforms), self.sources)
    }

    /// The generated crate.
    pub(super) fn generated_crate(&self, plans: &[Rc<CheckedPlan>]) -> Files {
        emit::generated_crate(
            &plans.iter().map(Rc::as_ref).collect::<Vec<_>>(),
            &self.facts.platforms.iter().collect::<Vec<_>>(),
            self.sources,
        )
    }

    fn platforms(&self, names: &[&str]) -> Vec<&Platform> {
        names.iter().filter_map(|name| self.platform(name)).collect()
    }
}
