"""The steps of a job, one file each: inspect, plan, wipe, install, boot, verify.

A step takes a ``Job``, runs a playbook, and returns plain data; it never prints and knows no Click.
"""

from netspring_provision.steps.job import Job

__all__ = ["Job"]
