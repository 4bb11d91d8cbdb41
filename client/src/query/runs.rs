//! Lists of runs, a page at a time.

use super::cursor::Cursor;
use super::sort::Sort;
use crate::new_run::check_text;
use crate::{Client, Error, Snapshot};

/// Runs to be listed with [`Client::runs`], all of them unless something is said.
///
/// ```
/// use runmeta_client::Runs;
///
/// let failed = Runs::new().task("import").status("failed").select(["progress"]).limit(20);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is listed until `Client::runs` is called"]
pub struct Runs {
    filter: Filter,
    has_other_sort: bool,
}

/// The conditions, and where the page begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) root: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) status: Option<Vec<String>>,
    pub(crate) finished: Option<bool>,
    pub(crate) roots: Option<bool>,
    pub(crate) text: Option<String>,
    pub(crate) sort: Sort,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
    pub(crate) select: Option<Vec<String>>,
}

/// A page of runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The runs, in the order that was asked for.
    pub runs: Vec<Snapshot>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

impl Runs {
    /// The most that a page may have. A guess: with documents of 16 kB it is as large as a page may be.
    pub const MAXIMUM_LIMIT: u32 = 500;

    /// Lists all runs, the newest first, 50 a page.
    pub fn new() -> Runs {
        let filter = Filter {
            limit: 50,
            ..Filter::default()
        };
        Runs {
            filter,
            has_other_sort: false,
        }
    }

    /// Lists the runs of this root.
    pub fn root(mut self, root: impl Into<String>) -> Runs {
        self.filter.root = Some(root.into());
        self
    }

    /// Lists runs with this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Runs {
        self.filter.tag = Some(tag.into());
        self
    }

    /// Lists runs of this task.
    pub fn task(mut self, task: impl Into<String>) -> Runs {
        self.filter.task = Some(task.into());
        self
    }

    /// Lists runs with this status, or one of several if it is called again.
    pub fn status(mut self, status: impl Into<String>) -> Runs {
        self.filter
            .status
            .get_or_insert_default()
            .push(status.into());
        self
    }

    /// Lists only runs that have finished, or only those that have not.
    pub fn finished(mut self, finished: bool) -> Runs {
        self.filter.finished = Some(finished);
        self
    }

    /// Lists only runs without a parent. Then a page of the newest is found by an index.
    pub fn roots(mut self) -> Runs {
        self.filter.roots = Some(true);
        self
    }

    /// Lists runs of which this text is part of the id or of the task, in upper or lower case, or is a tag.
    pub fn text(mut self, text: impl Into<String>) -> Runs {
        self.filter.text = Some(text.into());
        self
    }

    /// Sorts them.
    pub fn sort(mut self, sort: Sort) -> Runs {
        self.has_other_sort = self
            .filter
            .after
            .as_ref()
            .is_some_and(|after| after.sort != sort);
        self.filter.sort = sort;
        self
    }

    /// Begins behind this run, sorted as the list was.
    pub fn after(mut self, cursor: Cursor) -> Runs {
        self.filter.sort = cursor.sort;
        self.filter.after = Some(cursor);
        self
    }

    /// Sets how many runs a page has, 1 to 500. It has fewer, and at least one, once their metadata has 8 MiB.
    pub fn limit(mut self, limit: u32) -> Runs {
        self.filter.limit = limit;
        self
    }

    /// Reads only these keys and paths of the metadata, as [`Watch::select`](crate::Watch::select) does; with none, no metadata.
    pub fn select(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Runs {
        let keys = keys.into_iter().map(Into::into);
        self.filter.select.get_or_insert_default().extend(keys);
        self
    }

    fn check(self) -> Result<Filter, Error> {
        let Filter {
            root,
            tag,
            task,
            status,
            select,
            limit,
            text,
            ..
        } = &self.filter;
        for (argument, text) in [("run id", root), ("tag", tag), ("task", task)] {
            text.as_ref()
                .map_or(Ok(()), |text| check_text(argument, text))?;
        }
        status
            .iter()
            .flatten()
            .try_for_each(|status| check_text("status", status))?;
        check_keys(select)?;
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            return Err(Error::invalid("the text contains the character U+0000"));
        }
        if !(1..=Runs::MAXIMUM_LIMIT).contains(limit) {
            return Err(Error::invalid(format!(
                "a page has 1 to {} runs",
                Runs::MAXIMUM_LIMIT
            )));
        }
        if self.has_other_sort {
            return Err(Error::invalid("the page before was sorted otherwise"));
        }
        Ok(self.filter)
    }
}

impl Default for Runs {
    fn default() -> Runs {
        Runs::new()
    }
}

/// Checks the keys that are selected of the metadata.
///
/// # Errors
///
/// SQLSTATE 22023.
pub(crate) fn check_keys(select: &Option<Vec<String>>) -> Result<(), Error> {
    for key in select.iter().flatten() {
        runmeta_core::Key::parse(key).map_err(|bad| Error::invalid(bad.to_string()))?;
    }
    Ok(())
}

impl Client {
    /// Lists runs, a page at a time.
    ///
    /// Runs that are started or change while somebody turns pages may be missed or come twice, if they are sorted by what
    /// changes.
    ///
    /// # Errors
    ///
    /// - A tag, a task, a status, a key, the limit or the cursor is invalid: SQLSTATE 22023.
    /// - The role may not read the runs: 42501.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: runmeta_client::Client) -> Result<(), runmeta_client::Error> {
    /// use runmeta_client::Runs;
    ///
    /// let list = Runs::new().tag("csv").finished(false);
    /// let mut page = client.runs(list.clone()).await?;
    /// while let Some(next) = page.next {
    ///     page = client.runs(list.clone().after(next)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn runs(&self, runs: Runs) -> Result<Page, Error> {
        let filter = runs.check()?;
        self.ask(move |server| server.runs(filter.clone())).await
    }
}
