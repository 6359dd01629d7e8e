"""Qblox clusters: QCM, QRM, QCM-RF and QRM-RF. See README.md of this folder."""
