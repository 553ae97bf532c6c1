"""The workers: RQ jobs that turn what the edge stored into rows.

The rooms, from the ground up. All rooms before ``pipeline`` are pure, and an import contract keeps it so.

* ``text``, ``model``: text that strangers wrote, and the data that crosses the stages.
* ``reading``, ``scrub``, ``impossible``: what a member means, what may be stored, what a policy allows.
* ``families``, ``noise``: one module for each family of reports, and the rules on noise.
* ``stages``: the stages of one report and their table.
* ``rows``, ``limits``: what a batch becomes, and how much of it a project may have.
* ``pipeline``, ``explain``: all of it, for a batch and for a person.
* ``poison``, ``draining``, ``process``: which payloads break a batch, how a stream is drained, and what runs.
"""
