//! Contracts: schemas that the metadata of a task's runs is to fit.

use serde_json::Value;

use crate::new_run::check_text;
use crate::{Client, Error};

/// What becomes of metadata that does not fit the contract of its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContractMode {
    /// It is stored, and the server warns in its log: once a session for each rule.
    Warn,
    /// It is refused. The error is one of [`is_contract_violation`](Error::is_contract_violation).
    Enforce,
}

impl ContractMode {
    fn name(self) -> &'static str {
        match self {
            ContractMode::Warn => "warn",
            ContractMode::Enforce => "enforce",
        }
    }
}

impl Client {
    /// Sets the contract of a task: the JSON Schema that the metadata of its runs is to fit, whoever writes it. Returns false if it
    /// was set already. Only the owner of the tables may.
    ///
    /// A contract that changes waits for transactions that write runs, and they for it; one that stays as it is waits for
    /// nobody, so that a program may set it whenever it starts.
    ///
    /// # Errors
    ///
    /// - The schema is none, refers to other documents or has patterns with look-around: SQLSTATE 22023, with the place in the
    ///   [detail](Error::detail). It is too large: 54000.
    /// - The role does not own the tables: 42501.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout), or a transaction went on writing.
    pub async fn set_contract(
        &self,
        task: &str,
        schema: &Value,
        mode: ContractMode,
    ) -> Result<bool, Error> {
        self.change_contract(task, Some(schema.to_string()), mode)
            .await
    }

    /// Sets the contract of a task to the schema of a type, as it is read: metadata that fits can be read as a `T`. A field that a
    /// job writes later is an `Option`, or has a default. As [`set_contract`](Self::set_contract).
    ///
    /// # Errors
    ///
    /// As [`set_contract`](Self::set_contract).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: runmeta_client::Client) -> Result<(), runmeta_client::Error> {
    /// use runmeta_client::ContractMode;
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Import {
    ///     file: String,
    ///     rows: Option<u64>,
    /// }
    ///
    /// client.declare_contract::<Import>("import", ContractMode::Warn).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "schemars")]
    pub async fn declare_contract<T: schemars::JsonSchema>(
        &self,
        task: &str,
        mode: ContractMode,
    ) -> Result<bool, Error> {
        let schema = schemars::schema_for!(T);
        self.set_contract(task, schema.as_value(), mode).await
    }

    /// Removes the contract of a task. Returns false if it had none. As [`set_contract`](Self::set_contract); the last one waits
    /// for transactions that read runs, too.
    ///
    /// # Errors
    ///
    /// As [`set_contract`](Self::set_contract).
    pub async fn remove_contract(&self, task: &str) -> Result<bool, Error> {
        self.change_contract(task, None, ContractMode::Warn).await
    }

    async fn change_contract(
        &self,
        task: &str,
        schema: Option<String>,
        mode: ContractMode,
    ) -> Result<bool, Error> {
        check_text("task", task)?;
        let task = task.to_owned();
        self.ask(move |server| server.contract(task.clone(), schema.clone(), mode.name()))
            .await
    }
}
