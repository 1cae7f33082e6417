from __future__ import annotations

import csv
from pathlib import Path

import pytest

from staxpipe.focus.services import service_of, services
from staxpipe_tests.focus.batches import mapped, one, row

# FOCUS 1.2, "Service Subcategory": the allowed values and their parents.
FOCUS_1_2: dict[str, tuple[str, ...]] = {
    "AI and Machine Learning": (
        "AI Platforms",
        "Bots",
        "Generative AI",
        "Machine Learning",
        "Natural Language Processing",
    ),
    "Analytics": ("Analytics Platforms", "Business Intelligence", "Data Processing", "Search", "Streaming Analytics"),
    "Business Applications": ("Productivity and Collaboration",),
    "Compute": ("Containers", "End User Computing", "Quantum Compute", "Serverless Compute", "Virtual Machines"),
    "Databases": (
        "Caching",
        "Data Warehouses",
        "Ledger Databases",
        "NoSQL Databases",
        "Relational Databases",
        "Time Series Databases",
    ),
    "Developer Tools": (
        "Developer Platforms",
        "Continuous Integration and Deployment",
        "Development Environments",
        "Source Code Management",
        "Quality Assurance",
    ),
    "Multicloud": ("Multicloud Integration",),
    "Identity": ("Identity and Access Management",),
    "Integration": ("API Management", "Messaging", "Workflow Orchestration"),
    "Internet of Things": ("IoT Analytics", "IoT Platforms"),
    "Management and Governance": (
        "Architecture",
        "Compliance",
        "Cost Management",
        "Data Governance",
        "Disaster Recovery",
        "Endpoint Management",
        "Observability",
        "Support",
    ),
    "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality"),
    "Migration": ("Data Migration", "Resource Migration"),
    "Mobile": (),
    "Networking": (
        "Application Networking",
        "Content Delivery",
        "Network Connectivity",
        "Network Infrastructure",
        "Network Routing",
        "Network Security",
    ),
    "Security": ("Secret Management", "Security Posture Management", "Threat Detection and Response"),
    "Storage": ("Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms"),
    "Web": ("Application Platforms",),
    "Other": (),
}


def test_every_service_has_a_category_and_subcategory_of_focus_1_2() -> None:
    for code, service in services().items():
        allowed = (*FOCUS_1_2[service.category], f"Other ({service.category})")
        assert service.subcategory in allowed, code
        assert service.name.strip() == service.name != "", code


@pytest.mark.outside_data
def test_the_table_covers_the_product_codes_that_others_know(outside_data: Path) -> None:
    text = (outside_data / "focus-converters" / "aws_category_mapping.csv").read_text()
    codes = {line["product_code"] for line in csv.DictReader(text.splitlines())}
    # Names with a star are no product codes: they stand for things that are billed under another code.
    assert {code for code in codes if "*" not in code} <= services().keys()


def test_a_known_code_has_one_name_whatever_the_file_calls_it() -> None:
    found = one(row(line_item_product_code="AmazonS3", product_product_name="Simple Storage"))
    assert (found["ServiceName"], found["ServiceCategory"], found["ServiceSubcategory"]) == (
        "Amazon Simple Storage Service",
        "Storage",
        "Object Storage",
    )


def test_an_unknown_code_is_other_and_is_reported_once_a_source_row() -> None:
    result = mapped(row(line_item_product_code="AmazonFuture", line_item_line_item_type="Usage"))
    (found,) = result.rows.to_pylist()
    assert (found["ServiceName"], found["ServiceCategory"], found["ServiceSubcategory"]) == (
        "AmazonFuture",
        "Other",
        "Other (Other)",
    )
    assert result.tally.unknown_services == {"AmazonFuture": 1}


def test_a_marketplace_product_is_named_by_its_seller_and_not_reported() -> None:
    result = mapped(
        row(
            line_item_product_code="5hnnev4d0v7mapf09j0v8of0o2",
            bill_billing_entity="AWS Marketplace",
            product_product_name="Red Hat Enterprise Linux",
            line_item_legal_entity="Red Hat, Inc.",
            bill_invoicing_entity=None,
        )
    )
    (found,) = result.rows.to_pylist()
    assert (found["ServiceName"], found["ServiceCategory"]) == ("Red Hat Enterprise Linux", "Other")
    assert (found["PublisherName"], found["InvoiceIssuerName"]) == ("Red Hat, Inc.", "Amazon Web Services, Inc.")
    assert result.tally.unknown_services == {}


def test_a_third_party_s_model_on_bedrock_is_generative_ai() -> None:
    found = one(
        row(
            line_item_product_code="9fpf5rs9xnbqu0tkz8hcbdt1i",
            bill_billing_entity="AWS Marketplace",
            product_product_name="Claude 3 Haiku (Amazon Bedrock Edition)",
        )
    )
    assert (found["ServiceName"], found["ServiceCategory"], found["ServiceSubcategory"]) == (
        "Claude 3 Haiku (Amazon Bedrock Edition)",
        "AI and Machine Learning",
        "Generative AI",
    )


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("awskms", "AWS Key Management Service"),
        ("AWSKMS", "AWS Key Management Service"),
        ("OCBAmazonSageMaker", "Amazon SageMaker"),
        ("OCBAWSGlobalAccelerator", "AWS Global Accelerator"),
        ("OCB Amazon CloudSearch", "Amazon CloudSearch"),
        ("OCBPremiumSupport", "AWS Premium Support"),
        ("AWSSupportBusiness", "AWS Support (Business)"),
        ("ComputeSavingsPlans", "Savings Plans for AWS Compute usage"),
        ("AmazonCodeBuild", "AWS CodeBuild"),
        ("AmazonBedrockFoundationModels", "Amazon Bedrock foundation models"),
        ("AWSPCS", "AWS Parallel Computing Service"),
    ],
)
def test_codes_by_convention_are_known(code: str, name: str) -> None:
    service = service_of(code)
    assert service is not None
    assert service.name == name


@pytest.mark.parametrize("code", ["OCB", "AWS", "Amazon", "", "AmazonFuture", "5hnnev4d0v7mapf09j0v8of0o2"])
def test_other_codes_are_not(code: str) -> None:
    assert service_of(code) is None


def test_no_two_codes_differ_by_case_or_blanks_and_name_two_services() -> None:
    seen: dict[str, str] = {}
    for code, service in services().items():
        assert seen.setdefault("".join(code.split()).lower(), service.name) == service.name, code


def test_rows_without_any_product_have_a_service_too() -> None:
    found = one(row(line_item_product_code=None, product_servicecode=None))
    assert found["ServiceName"] == "Unknown service"
