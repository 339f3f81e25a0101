import unittest

from verifier import Unusable, judgement

SECRETS = {"token": "right"}


class Judgement(unittest.TestCase):
    def test_the_right_token_is_accepted_under_the_senders_id(self):
        headers = {"x-token": "right", "x-event-id": "e-1"}
        self.assertEqual(judgement(headers, b"{}", SECRETS), ("accepted", "e-1"))
        self.assertEqual(judgement({"x-token": "right"}, b"", SECRETS), ("accepted", None))

    def test_another_token_is_refused(self):
        for headers in [{}, {"x-token": ""}, {"x-token": "wrong"}]:
            self.assertEqual(judgement(headers, b"{}", SECRETS)[0], "refused")

    def test_a_challenge_is_answered(self):
        self.assertEqual(judgement({"x-token": "right"}, b'{"challenge":"abc"}', SECRETS), ("answered", "abc"))

    def test_without_the_secret_nothing_is_accepted(self):
        with self.assertRaises(Unusable):
            judgement({"x-token": ""}, b"{}", {"token": ""})


if __name__ == "__main__":
    unittest.main()
