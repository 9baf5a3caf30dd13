"""`/auth/second-factor/passkeys`: the caller's own passkeys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from services.identity.passkeys import repository, service
from services.identity.passkeys.models import Ceremony, Passkey
from services.identity.passkeys.schemas import (
    CeremonyOptions,
    PasskeyChange,
    PasskeyCreate,
    PasskeyCreated,
    PasskeyRead,
)
from services.identity.passkeys.service import PasskeyRefused
from services.identity.second_factors import repository as factors_of
from services.identity.second_factors import service as second_factors
from services.identity.second_factors.schemas import FactorProof
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Route, WriteWork, client_address, never_stored, requires_sign_in

router = APIRouter(prefix="/auth/second-factor/passkeys", tags=["登录"], route_class=Route)
PasskeyPath = Annotated[UUID, Path(description="通行密钥编号")]


@router.post(
    "/registration-options",
    response_model=CeremonyOptions,
    **never_stored(
        requires_sign_in(refuses=(NotFound, Conflict, Invalid), statements=8)
    ),  # the proof has its own
)
async def create_registration_options(
    request: Request, work: WriteWork, body: FactorProof | None = None
) -> CeremonyOptions:
    """申请登记通行密钥的参数; 已启用双因素的须证明是本人."""
    await second_factors.require_proof_of_active(work, body, client_address(request))
    account = await second_factors.get_own_account(work)
    try:
        return CeremonyOptions(public_key=await service.create_registration_options(work, account))
    except PasskeyRefused as refused:
        raise Conflict(refused.text, "No passkey can be registered") from refused


@router.post(
    "/assertion-options",
    response_model=CeremonyOptions,
    **never_stored(requires_sign_in(refuses=(NotFound, Conflict))),
)
async def create_assertion_options(work: WriteWork) -> CeremonyOptions:
    """申请以通行密钥证明是本人的参数."""
    account = await second_factors.get_own_account(work)
    options = await service.create_assertion_options(work, account.id, work.actor.session, Ceremony.PROOF)
    if options is None:
        raise Conflict("没有可用的通行密钥", "There is no passkey to use")
    return CeremonyOptions(public_key=options)


@router.post(
    "",
    status_code=201,
    response_model=PasskeyCreated,
    **never_stored(requires_sign_in(refuses=(NotFound, Conflict, Invalid), statements=8)),
)
async def register_passkey(work: WriteWork, body: PasskeyCreate) -> PasskeyCreated:
    """登记浏览器新建的通行密钥; 第一次启用双因素时附恢复码."""
    async with work.context.database.read() as session:
        account = await second_factors.get_own_account(work.context.unit_of_work(session, work.actor))
    try:
        passkey = await service.register(work, account, body.name, body.credential)
    except PasskeyRefused as refused:
        raise second_factors.build_passkey_error(refused, "/credential") from refused
    await second_factors.publish_change(work, account, "passkey_added", str(passkey.id))
    left = await factors_of.system_count_unused_codes(work, account.id)
    codes = [] if left else (await second_factors.create_codes(work, account.id)).codes
    return PasskeyCreated(passkey=PasskeyRead.model_validate(passkey), codes=codes)


@router.patch("/{passkey_id}", response_model=PasskeyRead, **requires_sign_in(refuses=(NotFound,)))
async def rename_passkey(work: WriteWork, passkey_id: PasskeyPath, body: PasskeyChange) -> Passkey:
    """改通行密钥的称呼."""
    passkey = await repository.get_own_passkey(work, passkey_id)
    passkey.name = body.name or passkey.name
    work.session.add(passkey)
    account = await second_factors.get_own_account(work)
    await second_factors.publish_change(work, account, "passkey_renamed", str(passkey.id))
    return passkey


@router.post(
    "/{passkey_id}/remove",
    status_code=204,
    response_model=None,
    **requires_sign_in(refuses=(NotFound, Conflict, Invalid), statements=12),
)
async def remove_passkey(
    request: Request, work: WriteWork, passkey_id: PasskeyPath, body: FactorProof
) -> None:
    """删除一个通行密钥; 角色要求双因素的须另有一种."""
    account = await second_factors.require_proof(work, body, client_address(request))
    passkey = await repository.get_own_passkey(work, passkey_id)
    await work.session.delete(passkey)
    await work.session.flush()
    await second_factors.require_other_factor(work, account)
    await second_factors.publish_change(work, account, "passkey_removed", str(passkey.id))
