"""The ordinary runtime service, with a bridge behind it."""

from __future__ import annotations

from typing import Any

from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.api.client_parameters import ClientParameters
from qiskit_ibm_runtime.proxies import ProxyConfiguration

from qpu_bridge.sdk.address import root_of
from qpu_bridge.sdk.identity import BridgeAccount, BridgeParameters, api_of
from qpu_bridge.sdk.interim import BridgeRuntimeJob


class BridgeService(QiskitRuntimeService):  # type: ignore[misc]
    """A `QiskitRuntimeService` that needs only an address and a token.

    It reads no environment variables and no saved accounts, sends nothing to IBM, and lives next to other services in the same
    process. Everything else is the client's: ``backend``, ``jobs``, and the primitives with one of its backends as their mode.

    Args:
        url: Address of the bridge.
        token: Token of the user, as ``qpu-bridge token`` printed it.
        instance: Name or CRN of an instance; by default the bridge's first.
        verify: Whether to verify the server's certificate.
        proxies: As for `QiskitRuntimeService`.

    Raises:
        IBMNotAuthorizedError: If the bridge does not know the token.
        IBMRuntimeError: If there is no bridge at the address.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        token: str = "",
        *,
        instance: str = "auto",
        verify: bool = True,
        proxies: dict[str, Any] | None = None,
    ) -> None:
        self._root = root_of(url)
        super().__init__(
            channel="ibm_quantum_platform",
            token=token,
            url=self._root,
            instance=instance,
            verify=verify,
            proxies=proxies,
            url_resolver=api_of,
        )

    def __new__(cls, *args: Any, **kwargs: Any) -> BridgeService:
        """Build this class, whatever the channel."""
        return object.__new__(cls)

    def __repr__(self) -> str:
        return f"<BridgeService({self._root!r})>"

    # The client builds its connection parameters inside of its constructor and again for every instance, always into this
    # attribute, and reads them from here: so this is the one place where they are turned to the bridge.
    @property
    def _client_params(self) -> BridgeParameters:
        return self._bridge_params

    @_client_params.setter
    def _client_params(self, plain: ClientParameters) -> None:
        self._bridge_params = BridgeParameters.of(plain, self._root)

    # The client makes its jobs here, for every primitive and for what is found again.
    def _run(self, *args: Any, **kwargs: Any) -> BridgeRuntimeJob:
        return BridgeRuntimeJob.of(super()._run(*args, **kwargs))

    def _decode_job(self, raw_data: dict[str, Any]) -> BridgeRuntimeJob:
        return BridgeRuntimeJob.of(super()._decode_job(raw_data))

    def _discover_account(
        self,
        token: str | None = None,
        url: str | None = None,
        instance: str | None = None,
        channel: str | None = None,
        filename: str | None = None,
        name: str | None = None,
        proxies: ProxyConfiguration | None = None,
        verify: bool | None = None,
    ) -> BridgeAccount:
        """The account that the constructor was given: nothing is read from disk or from the environment."""
        account = BridgeAccount(token=token, url=self._root, instance=instance, proxies=proxies, verify=verify is not False)
        if instance and not instance.startswith("crn:"):
            account.instance = self._get_crn_from_instance_name(account=account, instance=instance)
        return account.validate()  # type: ignore[no-any-return]
