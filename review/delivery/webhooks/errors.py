"""Refusals about webhooks."""

from review.kernel.errors import NotFound, ReviewError
from review.kernel.sentences import say


class EndpointNotFound(NotFound):
    """The project has no webhook endpoint of that name."""

    code = "endpoint_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            say(
                "There is no webhook endpoint %(name)s; nothing was changed. Endpoints are declared under `webhooks:` "
                "in the configuration.",
                name=repr(name),
            )
        )


class EndpointNotActive(ReviewError):
    """The endpoint is disabled, or no longer in the configuration, so that nothing is sent to it."""

    code = "endpoint_not_active"
    status = 409


class SecretAlreadyShown(ReviewError):
    """The endpoint's secret was shown before, which happens once."""

    code = "secret_already_shown"
    status = 409


class DeliveryNotFound(NotFound):
    """There is no such delivery, or it is another project's."""

    code = "delivery_not_found"

    def __init__(self) -> None:
        super().__init__(say("There is no such delivery; nothing was changed. The delivery log lists what there is."))


class DeliveryUnderWay(ReviewError):
    """The delivery is being sent at this moment."""

    code = "delivery_under_way"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            say("The delivery is being sent at this moment; nothing was changed. Look again when it has an answer.")
        )
