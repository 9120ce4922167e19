"""A LangGraph graph that stops before an answer goes out, and goes on with what people decided.

The graph's own checkpoint keeps the run while people think, for minutes or for days: nothing of this process has to
stay alive meanwhile. pip install langgraph
"""

import os
from typing import Any, Required, TypedDict

from countersign_client import Client, ItemDetail, Rejected


class State(TypedDict, total=False):
    """What the graph knows."""

    question: Required[str]
    draft: str
    answer: str


def write(state: State) -> dict[str, str]:
    """Stand in for a model that drafts an answer."""
    return {"draft": f"About {state['question']}: please restart it."}


def asked(state: State) -> dict[str, str]:
    """Stop here until somebody resumes with what was decided."""
    from langgraph.types import interrupt  # noqa: PLC0415  only this example needs it

    # What an interrupt is given comes out of `invoke`, and what `Command(resume=…)` is given comes back here.
    shown = {"input": {"question": state["question"]}, "output": {"text": state.get("draft", "")}}
    return {"answer": interrupt(shown)}


def make_graph(checkpointer: Any) -> Any:
    """Put the graph together; keep checkpoints in a database if it is to outlive this process."""
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415  only this example needs it

    graph = StateGraph(State)
    graph.add_node("write", write)
    graph.add_node("asked", asked)
    graph.add_edge(START, "write")
    graph.add_edge("write", "asked")
    graph.add_edge("asked", END)
    return graph.compile(checkpointer=checkpointer)


def begin(client: Client, graph: Any, thread_id: str, question: str) -> None:
    """Run until the interrupt, and hand what it asks to people; the thread's id is the item's, so twice is once."""
    state = graph.invoke({"question": question}, {"configurable": {"thread_id": thread_id}})
    (stopped,) = state["__interrupt__"]
    client.submit(type="support_answer", external_id=thread_id, **stopped.value)


def resume(graph: Any, item: ItemDetail) -> str:
    """Go on with what was decided; call it from a webhook of `item.decided`, or after `client.wait`.

    Raises:
        Rejected: the draft may not go out.
    """
    from langgraph.types import Command  # noqa: PLC0415  only this example needs it

    if not item.may_go_out:
        raise Rejected(item)
    decided = Command(resume=item.outcome.output["text"])
    state = graph.invoke(decided, {"configurable": {"thread_id": item.external_id}})
    return str(state["answer"])


def main() -> None:
    """Ask once and wait."""
    from langgraph.checkpoint.memory import InMemorySaver  # noqa: PLC0415  only this example needs it

    graph = make_graph(InMemorySaver())
    with Client(os.environ["COUNTERSIGN_URL"], os.environ["COUNTERSIGN_KEY"]) as client:
        begin(client, graph, "thread-1", "a printer that is offline")
        (item,) = client.items(external_id="thread-1")
        resume(graph, client.wait(item))


if __name__ == "__main__":
    main()
