"""A rollout, wave by wave and machine by machine; remembered, so that it can be resumed."""
