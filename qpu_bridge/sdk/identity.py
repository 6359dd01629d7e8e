"""Who the user is, asked at the bridge instead of at IBM."""

from __future__ import annotations

from typing import Any

import requests
from ibm_cloud_sdk_core import ApiException, IAMTokenManager
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from qiskit_ibm_runtime.accounts import Account
from qiskit_ibm_runtime.api.auth import CloudAuth
from qiskit_ibm_runtime.api.client_parameters import ClientParameters
from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError, IBMRuntimeError

from qpu_bridge.sdk.address import API

PATIENCE_S = 10.0
"""A bridge that has not begun to answer after this time is taken for absent."""


class BridgeAuth(CloudAuth):  # type: ignore[misc]
    """Signs requests with a short-lived access token that the bridge gave for the user's token.

    Args:
        root: Address of the bridge.
        account: The user's account, or anything else with ``token``, ``instance``, ``proxies`` and ``verify``.
    """

    def __init__(self, root: str, account: Any) -> None:
        self.root = root
        self.account = account
        super().__init__(account.token, account.instance, False, account.proxies, account.verify)
        proxies = account.proxies.to_request_params() if account.proxies else {}
        self.tm = IAMTokenManager(account.token, url=root, disable_ssl_verification=not account.verify, **proxies)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> BridgeAuth:
        return BridgeAuth(self.root, self.account)

    def get_headers(self) -> dict[str, Any]:
        """Headers that say who asks and for which instance.

        Raises:
            IBMNotAuthorizedError: If the bridge does not know the token.
        """
        try:
            access = f"Bearer {self.tm.get_token()}"
        except ApiException as error:
            # the library would hold the next caller back for a minute
            self.tm.request_time = 0
            if 400 <= (error.status_code or 0) < 500:
                raise IBMNotAuthorizedError(
                    f"The bridge at {self.root} does not know this token. "
                    "Whoever runs the bridge makes one with 'qpu-bridge token'."
                ) from None
            access = f"apikey {self.api_key}"
        except requests.exceptions.RequestException:
            self.tm.request_time = 0
            access = f"apikey {self.api_key}"
        return {"Authorization": access} | ({"Service-CRN": self.crn} if self.crn else {})


class BridgeAccount(Account):  # type: ignore[misc]
    """An account at a bridge: its ``url`` is the root."""

    def get_auth_handler(self) -> BridgeAuth:
        """What signs requests."""
        return BridgeAuth(self.url, self)

    def get_iam_authentificator(self) -> IAMAuthenticator:
        """What signs requests of the cloud libraries."""
        return IAMAuthenticator(self.token, url=self.url, disable_ssl_verification=not self.verify, **self._get_proxies_kwargs())

    def list_instances(self) -> list[dict[str, Any]]:
        """The instances that the bridge offers to this user.

        Raises:
            IBMNotAuthorizedError: If the bridge does not know the token.
            IBMRuntimeError: If there is no bridge.
        """
        try:
            answer = requests.post(
                f"{self.url}/v3/resources/search",
                json={"query": "service_name:quantum-computing"},
                auth=self.get_auth_handler(),
                verify=self.verify,
                timeout=PATIENCE_S,
                **self._get_proxies_kwargs(),
            )
            answer.raise_for_status()
            items = answer.json()["items"]
        except (requests.exceptions.RequestException, LookupError) as error:
            raise IBMRuntimeError(f"No bridge answers at {self.url}: {error}") from error
        return [
            {"crn": item["crn"], "name": item["name"], "plan": "on-prem", "tags": item.get("tags", []), "pricing_type": "free"}
            for item in items
        ]


class BridgeParameters(ClientParameters):  # type: ignore[misc]
    """Connection parameters that lead to a bridge."""

    @classmethod
    def of(cls, plain: ClientParameters, root: str) -> BridgeParameters:
        """The client's own parameters, turned to a bridge."""
        return cls(
            channel=plain.channel,
            token=plain.token,
            url=root,
            instance=plain.instance,
            proxies=plain.proxies,
            verify=plain.verify,
            url_resolver=api_of,
        )

    def get_auth_handler(self) -> BridgeAuth:
        """What signs requests."""
        return BridgeAuth(self.url, self)


def api_of(url: str, *_: Any) -> str:
    """The runtime API below a root; has the form of the client's URL resolvers."""
    return url + API
