"""Split cost allocation: rows of EKS pods and ECS tasks that share out the amortised cost of the instance they run on.

The instance has rows of its own, so these cost nothing: their unblended cost is 0, and what they share is in the
splitLineItem/ columns. What is shared out, used and unused, adds up to the instance's amortised cost exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from staxpipe.synthetic.fleet import Line
from staxpipe.synthetic.organisation import digest
from staxpipe.synthetic.restatement import Restatement
from staxpipe.synthetic.rows import RowCollector
from staxpipe.synthetic.template import Template
from staxpipe.synthetic.templates import tag_text
from staxpipe.synthetic.usage import Ints


@dataclass(frozen=True)
class _Container:
    """A pod or task, with what it reserves and what it really uses, in thousandths of its instance."""

    name: str
    reserved: int
    actual: int

    @property
    def share(self) -> int:
        """What it is charged for: the larger of both."""
        return max(self.reserved, self.actual)


_CONTAINERS = (_Container("checkout-api", 400, 310), _Container("checkout-worker", 250, 350))
_SHARED = sum(container.share for container in _CONTAINERS)
_CPU_WEIGHT = 9
"""AWS weighs a vCPU like nine GB of memory."""

_HOSTS = {  # offer: product code, operation, prefix of usage types
    "ec2.m6g.large": ("AmazonEKS", "EKSPod-EC2", "EKS-EC2"),
    "ec2.r5.xlarge": ("AmazonECS", "ECSTask-EC2", "ECS-EC2"),
}


def public_unused(public: Ints) -> Ints:
    """The public on-demand cost of what nobody uses, that falls to a container with so much of what is used."""
    return public * (1000 - _SHARED) // _SHARED


class SplitRows:
    """Writes the split rows of a month into a collector, day by day."""

    def __init__(self, restatement: Restatement, lines: Sequence[Line], collector: RowCollector, spans: Ints) -> None:
        self._collector = collector
        self._spans = spans
        self._hosts = np.array([at for at, line in enumerate(lines) if line.offer.key in _HOSTS], np.int64)
        hosts = [lines[at] for at in self._hosts]
        self._cpu = np.array([_CPU_WEIGHT * _size(host, "vcpu") for host in hosts], np.int64)
        self._weight = self._cpu + np.array([_size(host, "memory") for host in hosts], np.int64)
        self._templates = {
            (unit, container.name): np.array(
                [collector.template(_template(restatement, host, container, unit)) for host in hosts], np.int64
            )
            for unit in ("vCPU", "GB")
            for container in _CONTAINERS
        }

    def write(self, used: Ints, cost: Ints, public: Ints, first: int) -> None:
        """The rows of a day: usage, amortised and public cost of every line of the fleet, × 24 hours."""
        host, hour = np.nonzero(used[self._hosts])
        at = self._hosts[host]
        for unit, amounts in (
            ("vCPU", [value[at, hour] * self._cpu[host] // self._weight[host] for value in (cost, public)]),
            (
                "GB",
                [value[at, hour] - value[at, hour] * self._cpu[host] // self._weight[host] for value in (cost, public)],
            ),
        ):
            self._share_out(unit, amounts[0], amounts[1], host, self._spans[first + hour])

    def _share_out(self, unit: str, cost: Ints, public: Ints, host: Ints, spans: Ints) -> None:
        splits = [cost * container.share // 1000 for container in _CONTAINERS]
        left = cost - sum(splits)
        unused = [left * container.share // _SHARED for container in _CONTAINERS[:-1]]
        unused.append(left - sum(unused))
        nothing = np.zeros(len(host), np.int64)
        for container, split, rest in zip(_CONTAINERS, splits, unused, strict=True):
            self._collector.add(
                self._templates[unit, container.name][host],
                spans,
                nothing,
                nothing,
                public=public * container.share // 1000,
                effective=split,
                amortised=rest,
            )


def _template(restatement: Restatement, host: Line, container: _Container, unit: str) -> Template:
    """A container's share of one of its instance's resources.

    A guess: the usage amount is 0 like the cost, since what the container uses stands in the splitLineItem/ columns.
    """
    code, operation, usage = _HOSTS[host.offer.key]
    project, region = host.tags.get("user:project", "checkout"), host.region.code
    number = digest(host.resource, container.name)
    spelling = restatement.organisation.spelling
    size = Decimal(_size(host, "vcpu" if unit == "vCPU" else "memory"))
    if code == "AmazonEKS":
        resource = f"arn:aws:eks:{region}:{host.account.id}:pod/{project}/{project}/{container.name}/{number[:32]}"
        tags = {
            "aws:eks:cluster-name": project,
            "aws:eks:namespace": project,
            "aws:eks:deployment": container.name,
        }
    else:
        resource = f"arn:aws:ecs:{region}:{host.account.id}:task/{project}/{number[:32]}"
        tags = {"aws:ecs:clusterName": project}
    text = restatement.bill(host.account) | tag_text(restatement, host)
    text |= {f"resourceTags/{spelling.tag(key)}": value for key, value in tags.items()}
    text |= {
        "identity/LineItemId": restatement.line_item_id("Split", host.resource, container.name, unit),
        "lineItem/LineItemType": "Usage",
        "lineItem/ProductCode": code,
        "lineItem/UsageType": f"{host.region.prefix}{usage}-{unit}-Hours",
        "lineItem/Operation": operation,
        "lineItem/AvailabilityZone": host.zone,
        "lineItem/ResourceId": resource,
        "lineItem/LineItemDescription": f"{usage}-{unit}-Hours",
        "product/ProductName": "Amazon Elastic Compute Cloud",
        "product/servicecode": code,
        "product/region": region,
        "product/regionCode": region,
        "pricing/unit": f"{unit}-Hours",
        "splitLineItem/ParentResourceId": host.resource,
        "splitLineItem/ReservedUsage": _thousandths(size, container.reserved),
        "splitLineItem/ActualUsage": _thousandths(size, container.actual),
        "splitLineItem/SplitUsage": _thousandths(size, container.share),
        "splitLineItem/SplitUsageRatio": _thousandths(Decimal(1), container.share),
    }
    return Template(
        "Usage", host.account.id, code, "Usage", text, per_mille=restatement.per_mille(host.account), split=True
    )


def _size(host: Line, what: str) -> int:
    return int(host.offer.product[what].split()[0])


def _thousandths(whole: Decimal, part: int) -> str:
    return str((whole * part / 1000).quantize(Decimal("0.001"))).rstrip("0")
