"""Tools that a model may call: functions, their schemas, and the calls themselves."""
