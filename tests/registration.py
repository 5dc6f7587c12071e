"""A whole registration as a mother does it, tap by tap, for every channel on which the whole service is tried."""

from __future__ import annotations

Steps = tuple[tuple[str, str], ...]
"""What is tapped, or typed where it begins with `= `; and what the answer must say."""


def steps(phone: str) -> Steps:
    """From the language to the menu. `phone`: how the number is given."""
    return (
        ("Български", "Натиснете"),
        ("Опитвам", "програма"),
        ("Да, пишете", "14"),
        ("Да, 14", "телефон"),
        (phone, "казвате"),
        ("= Мария Иванова", "живеете"),
        ("= gen", "Това ли е"),
        ("с. Генерал", "идвате"),
        ("Училището", "учи"),
        ("Врачански", "учи"),
        ("Готово", "клас"),
        ("= 3а", "клас"),
        ("Готово", "интересува"),
        ("Срещи за родители", "интересува"),
        ("Готово", "Вярно"),
        ("Всичко", "записахме"),
    )
