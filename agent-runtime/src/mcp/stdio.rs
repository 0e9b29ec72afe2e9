//! MCP over stdio: one client, which started this process and ends it by closing its input.

use rmcp::transport::IntoTransport;
use rmcp::transport::io::stdio_pipes;
use rmcp::{RoleServer, ServiceExt};
use skreaver_protocol::rest::BODY_LIMIT;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::{McpServer, lines};

/// Why a server over stdio ended early.
#[derive(Debug, thiserror::Error)]
#[error("the MCP client and this server do not understand each other: {0}")]
pub struct StdioError(String);

impl McpServer {
    /// Serves the client on standard input and output until it closes them. Nothing else may write to standard output.
    ///
    /// # Errors
    /// [`StdioError`], where the client does not begin as MCP does.
    pub async fn serve_stdio(self) -> Result<(), StdioError> {
        let (input, output) = stdio_pipes();
        self.serve(input, output).await
    }

    /// As [`McpServer::serve_stdio`], on other streams.
    ///
    /// # Errors
    /// [`StdioError`], where the client does not begin as MCP does.
    pub async fn serve<I, O>(self, input: I, output: O) -> Result<(), StdioError>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Send + Unpin + 'static,
    {
        let runtime = std::sync::Arc::clone(&self.0.runtime);
        let over = CancellationToken::new();
        let told = async {
            let outcome = self.talk(lines::transport(input, output, BODY_LIMIT)).await;
            over.cancel();
            outcome
        };
        let (outcome, ()) = tokio::join!(told, runtime.work(over.clone()));
        outcome
    }

    async fn talk<T, E, A>(self, transport: T) -> Result<(), StdioError>
    where
        T: IntoTransport<RoleServer, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        use rmcp::service::ServerInitializeError::ConnectionClosed;
        let running = match self.0.serve(transport).await {
            Ok(running) => running,
            // A client that says nothing has asked for nothing.
            Err(ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(StdioError(error.to_string())),
        };
        running.waiting().await.map(|_| ()).map_err(|error| StdioError(error.to_string()))
    }
}
